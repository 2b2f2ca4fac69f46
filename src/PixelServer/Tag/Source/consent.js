// What may be done: storage (cookies and what the page keeps), measurement (events at all), ads (the vendors' ids).

// True: until somebody agreed nothing is sent and no storage is touched.
let isRequired = script.dataset.consent === 'required';
// By source, because each may change its mind: true, false or nothing for each of the three. One no outweighs every yes.
const said = {};
let agreed = {};
const strings = {}; // TCF and GPP

// Global Privacy Control
const gpc = navigator.globalPrivacyControl || undefined;

const may = (kind) => !(gpc && kind === 'ads') && (agreed[kind] ?? !isRequired);

// Our own words and Google's.
const meanings = { storage: /^(analytics_)?storage/, measurement: /^measurement|^analytics/, ads: /^ad(s|_storage|_user)/ };

function understand(words) {
  const result = {};
  for (const kind in meanings) {
    for (const key in words) {
      if (meanings[kind].test(key)) result[kind] = (words[key] === true || words[key] === 'granted') && result[kind] !== false;
    }
  }
  return result;
}

function say(source, answer) {
  said[source] = { ...said[source], ...answer };
  agreed = {};
  for (const one of Object.values(said)) {
    for (const kind in one) agreed[kind] = one[kind] && agreed[kind] !== false;
  }
  keepBound();
  if (agreed.measurement === false || agreed.storage === false) {
    // The cookie is not ours to delete: the collector expires it. Where none was made since the page opened there is nobody to tell.
    guard(() => {
      isRecalled &&= !navigator.sendBeacon(script.src);
      delete localStorage.px_q;
    })();
  }
  schedule();
}

// As every event carries it. What nobody said is not there.
function consentNow() {
  const word = (kind) => kind in agreed ? agreed[kind] ? 'granted' : 'denied' : undefined;
  return {
    analytics_storage: word('storage'), measurement: word('measurement'), ad_storage: word('ads'),
    gpc, ...strings,
  };
}
