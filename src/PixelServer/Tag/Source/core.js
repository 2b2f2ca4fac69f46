// The heart of the tag: what px(...) means, and the event that every other module sends.
// All modules stand in one function (see TagScript.cs): what one declares, the others can use. `config` comes from the server.

const newId = () => crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');

// Nothing of ours may ever throw into the page.
const guard = (work) => function () {
  try { return work.apply(this, arguments); } catch { /* the page goes on */ }
};

const hideListeners = [];
const onHide = (work) => { hideListeners.push(guard(work)); };
addEventListener('pagehide', () => hideListeners.forEach((work) => work()));

// name: event name; properties: any JSON, value and currency are lifted out; options: { eventId, time, callback }
function track(name, properties = {}, options = {}) {
  const { value, currency, ...rest } = properties;
  const event = {
    event: name, site_id: config.site, event_id: options.eventId || newId(), url: location.href, referrer: document.referrer,
    title: document.title, timestamp: options.time || Date.now(), value, currency, properties: rest,
  };
  navigator.sendBeacon(config.endpoint, JSON.stringify({ sent_at: Date.now(), batch: [event] }));
}
