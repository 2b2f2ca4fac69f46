// The heart of the tag: the event that every other module makes, and the queue it waits in.
// All modules stand in one function (see TagScript.cs): what one declares, the others can use. `version`, `tagPath`, `beaconPath`, `pixelPath` and `landingNames` come from the server.

const script = document.currentScript;
// Pasted twice, by hand and by a tag manager, it still counts once.
if (!script || window.px?.v) return;
const address = new URL(script.src);
const site = address.searchParams.get('id') || 'default';
// Where the collector is: wherever this file came from, also through a proxy that puts a path in front.
const collector = address.origin + address.pathname.slice(0, -tagPath.length);

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => (byte + 256).toString(16).slice(1)).join('');
const newId = () => crypto.randomUUID?.() ?? hex(crypto.getRandomValues(new Uint8Array(16))); // the former only where the page is secure

// Nothing of ours may ever throw into the page.
const guard = (work) => function () {
  try { return work.apply(this, arguments); } catch { /* the page goes on */ }
};

// Called when the page may be seen for the last time; what they add still goes out.
const hideListeners = [];
// Called when everything is in place and the page is really shown.
const startListeners = [];
// Called before a page view begins that is not the first.
const pageListeners = [];

// Events that are not sent yet; they may be changed until they are.
const queue = [];
const callbacks = new Map();

function finish(events, ok, detail) {
  for (const { event_id: id } of events) {
    const callback = callbacks.get(id);
    callbacks.delete(id);
    guard(callback)(ok, detail);
  }
}

// Nothing waits where nothing may be measured, and never more than 200.
function keepBound() {
  const isDenied = agreed.measurement === false;
  finish(queue.splice(0, queue.length - (isDenied ? 0 : 200)), false, isDenied ? 'consent' : 'queue_full');
}

// How the visitor came: a single-page application soon shows another address.
const landing = {};
for (const [name, value] of new URL(performance.getEntriesByType('navigation')[0]?.name || location.href).searchParams) {
  if (landingNames.test(name)) landing[name] = value;
}

let user; // in memory only
let callTime; // when the call was made that is being answered
let page = newId(), pageUrl = location.href, referrer = document.referrer, sequence = 0, isViewed;

// name: event name; properties: any JSON, of which value and currency are lifted out; options: { eventId, time, callback }
function track(name, properties, options) {
  const { value, currency, ...rest } = properties || {};
  const { eventId = newId(), time = callTime || Date.now(), callback } = options || {};
  const came = { ...landing };
  for (const [known] of new URLSearchParams(location.search)) delete came[known];
  const event = {
    site_id: site, event: name, event_id: eventId, user_id: user, timestamp: time, url: location.href, referrer, title: document.title,
    value, currency,
    properties: {
      ...came, ...rest,
      $tag: {
        v: version, page, seq: ++sequence, screen: screen.width + 'x' + screen.height,
        lang: navigator.language, tz: Intl.DateTimeFormat().resolvedOptions().timeZone, webdriver: navigator.webdriver || undefined,
      },
    },
  };
  callbacks.set(eventId, callback);
  queue.push(event);
  keepBound();
  schedule();
  return event;
}

function viewPage(properties, options) {
  if (isViewed) {
    pageListeners.forEach((work) => guard(work)());
    page = newId();
    sequence = 0;
  }
  isViewed = true;
  pageUrl = location.href;
  return track('page_view', properties, options);
}

// An address or a number never leaves the page: what ad platforms compare is its SHA-256.
function identify(id, traits, options) {
  user = id ?? undefined;
  const event = track('identify', traits, options);
  const { properties } = event;
  for (const key in traits) {
    const text = traits[key];
    const name = /email/i.test(key) ? 'email_sha256' : /phone/i.test(key) && 'phone_sha256';
    if (name || /\S@\S/.test(JSON.stringify(text))) delete properties[key];
    if (name && text?.trim) {
      crypto.subtle?.digest('SHA-256', new TextEncoder().encode(text.trim().toLowerCase())).then((hash) => { properties[name] = hex(hash); });
    }
  }
}
