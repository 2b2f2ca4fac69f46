// The seven platforms' stubs as their snippets leave them, before (here: without) the script that each would load.
'use strict';

window.fbq = function () { fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments); };
Object.assign(window.fbq, { queue: [], loaded: true, version: '2.0' });
fbq('init', '1234567890');
fbq('track', 'PageView');

window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
gtag('js', new Date());
gtag('config', 'G-DEMO');

window.lintrk = function (command, what) { lintrk.q.push([command, what]); };
window.lintrk.q = [];

window.twq = function () { twq.exe ? twq.exe.apply(twq, arguments) : twq.queue.push(arguments); };
Object.assign(window.twq, { queue: [], version: '1.1' });
twq('config', 'demo');

window.ttq = [];
for (const method of ['page', 'track', 'identify']) window.ttq[method] = (...rest) => { ttq.push([method, ...rest]); };
ttq.page();

window.rdt = function () { rdt.sendEvent ? rdt.sendEvent.apply(rdt, arguments) : rdt.callQueue.push(arguments); };
window.rdt.callQueue = [];
rdt('init', 'a2_demo');
rdt('track', 'PageVisit');

window.pintrk = function () { pintrk.queue.push(Array.prototype.slice.call(arguments)); };
window.pintrk.queue = [];
pintrk('load', '2612345');
pintrk('page');
