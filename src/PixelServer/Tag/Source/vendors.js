// One pixel in place of seven: what the page tells the ad platforms becomes our event too, and one action stays one event.

// What every platform knows, whatever it calls it. From the fifth on they are conversions.
const actions = [
  /^page(view|visit)?$/, /^view(content|item)$/, /^view(category|itemlist)$/, /^search$/,
  /^addtocart$/, /^addtowishlist$/, /^addpaymentinfo$/, /^(begin|initiate)checkout$/, /^(purchase|checkout|completepayment)$/,
  /^((generate)?lead|submitform)$/, /^(signup|completeregistration)$/, /^starttrial$/, /^subscribe$/, /^contact$/,
];
const plain = (name) => ('' + name).replace(/[\s_-]/g, '').toLowerCase();
const indexOf = (name) => actions.findIndex((pattern) => pattern.test(plain(name)));

// LinkedIn, X and Google Ads do not say what happened, only that something did.
function actionOf(name) {
  const index = indexOf(name);
  return /^tw-/.test(name) ? 'conversion' : index < 0 ? plain(name) : index || 'view ' + location.pathname; // a page is viewed once
}
const isSame = (one, other) => one === other || one === 'conversion' && other > 3 || other === 'conversion' && one > 3;

// What happened on this page: { action, event, page, known: the ids that the sides gave it, and which sides told it }
const happened = [];
let view;

// With the same id it is the same, whenever it is told. Else it is one action that different sides tell while the event still waits
// in the queue; who tells it again tells of another.
function tell(vendor, name, properties, options) {
  const { eventId: id, time = callTime || Date.now(), callback } = options || {};
  const action = actionOf(name);
  const teller = vendor + (action === 'conversion'); // Google Analytics and Google Ads are two
  let one = vendor && (view?.action === action ? view : id && happened.find((one) => isSame(one.action, action) && one.known.has(id)))
    || happened.find((one) => isSame(one.action, action) && !one.known.has(teller) && queue.includes(one.event)
      && (one.page === page || Date.now() - one.event.timestamp < 1000)); // a purchase may lead to the next page
  if (one) {
    const { event } = one;
    const { value, currency, ...rest } = properties || {};
    event.value ??= value;
    event.currency ??= currency;
    event.properties = { ...rest, ...event.properties };
    if (!vendor || one.action === 'conversion' && action > 3) { // any word for it counts more than none, our own most
      one.action = action;
      event.event = name;
    }
    if (!vendor) {
      event.timestamp = time;
      event.event_id = id || event.event_id;
      callbacks.set(event.event_id, callback);
    }
  } else {
    one = { action, event: make(name, properties, options), page, known: new Set() };
    happened.push(one);
    happened.splice(0, happened.length - 500);
    if (/^view /.test(action)) view = one;
  }
  one.known.add(teller).add(id || one.event.event_id);
  return one.event;
}

// We are one of the sides.
const make = track;
track = (...words) => tell('', ...words);

// A copy as it is now, without who somebody is.
const isPersonal = /e-?mail|phone|sha256|^(em|ph|[fl]n|external_?id|user_?data)$/i;
const snapshot = guard((parameters) => JSON.parse(JSON.stringify(parameters, (key, value) =>
  isPersonal.test(key) || /^[^\s/@]+@[^\s/@]+$/.test(value) ? undefined : value)));

// call: what was said to the platform. Its id is put in place.
function see({ key, read }, call) {
  const [name, at, idName, idAt = at] = read(call) || [];
  if (!name) return;
  const properties = { ...snapshot(call[at]), vendor: key, vendors: {} };
  properties.value ??= properties.conversion_value; // LinkedIn
  if (idName !== 'transaction_id') delete properties[idName]; // X's has the name of LinkedIn's rule
  const own = call[idAt]?.[idName];
  const event = tell(key, name, properties, own && { eventId: '' + own });
  const id = '' + (own || event.event_id);
  event.properties.vendors[key] ??= idName ? id : null;
  if (own || !idName || call[idAt]?.call) return;
  call[at] ??= {};
  call[idAt] = { ...call[idAt], [idName]: id }; // the page may use its object again
  call.length = Math.max(call.length, idAt + 1);
}

const covers = new WeakMap();

// The platform's function or array as the page sees it. Whatever is set lands on the original, which goes on as before.
function cover(vendor, stub) {
  if (covers.has(stub)) return covers.get(stub);
  const pass = (work, self, call, first) => {
    guard(see)(vendor, call);
    return Reflect.apply(work, self === proxy ? stub : self, call.slice(first));
  };
  const proxy = new Proxy(stub, {
    apply: (_, self, words) => pass(stub, self, words, 0),
    get(_, key) {
      const value = stub[key];
      if (value === stub) return proxy;
      if (stub.call || !value?.call) return value;
      return function () { // ttq.track(…)
        const result = pass(value, this, [key, ...arguments], 1);
        return key === 'instance' ? cover(vendor, result) : result;
      };
    },
  });
  covers.set(stub, proxy).set(proxy, proxy);
  // When the script that made it is done: what it told its own queue meanwhile.
  queueMicrotask(guard(() => {
    Array.from(stub.queue || stub.callQueue || stub.q || stub).forEach((call) => guard(see)(vendor, call));
    Object.values(stub._i || {}).forEach((list) => cover(vendor, list)); // ttq.instance(…)
  }));
  return proxy;
}

// key: what events call the platform; name: of its global; read(call): nothing, or [event name, where the parameters are, name of the id,
// where the id is if not among them]. A moment later than our own first calls and the page view, so that there is something to meet.
const vendor = (key, name, read) => queueMicrotask(() => watch(name, (stub) => cover({ key, read }, stub)));
