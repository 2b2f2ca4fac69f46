// The heart of the tag: the event that every other module makes, and the queue it waits in.
// All modules stand in one function (see TagScript.cs): what one declares, the others can use. `config` comes from the server.

const script = document.currentScript;
const address = new URL(script.src);
const site = address.searchParams.get('id') || 'default';
// Where the collector is: wherever this file came from, also through a proxy that puts a path in front.
const collector = address.origin + address.pathname.slice(0, -config.tag.length);

const newId = () => crypto.randomUUID ? crypto.randomUUID()
  : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('');

// Nothing of ours may ever throw into the page.
const guard = (work) => function () {
  try { return work.apply(this, arguments); } catch { /* the page goes on */ }
};

// Called when the page may be seen for the last time; what they add still goes out.
const hideListeners = [];
const onHide = (work) => { hideListeners.push(guard(work)); };

// Events that are not sent yet; they may be changed until they are.
const queue = [];

// name: event name; properties: any JSON, of which value and currency are lifted out; options: { eventId, time, callback }
function track(name, properties = {}, options = {}) {
  const { value, currency, ...rest } = properties;
  const event = {
    event: name, site_id: site, event_id: options.eventId || newId(), url: location.href, referrer: document.referrer,
    title: document.title, timestamp: options.time || Date.now(), value, currency, properties: rest,
  };
  queue.push(event);
  schedule();
  return event;
}
