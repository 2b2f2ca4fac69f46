// Brings the queue to the collector: fetch while the page is seen, because only its answer can be read; a beacon when the page goes;
// an image where a policy of the page allows neither.

const endpoint = collector + beaconPath;
const maxBytes = 60000; // browsers allow 64 KiB for everything that may outlive a page
let timer, isBusy, tries = 0, waitUntil = 0, onlyImages, isRecalled;

const schedule = (delay = 500) => { timer = timer || setTimeout(flush, Math.max(delay, waitUntil - Date.now())); };

// The ad platforms' own first-party cookies.
const cookies = guard(() => {
  if (!may('ads')) return;
  let found;
  const names = /(?:^|; )(_fb[pc]|_ga(?:_\w+)?|_gcl_a[uw]|_ttp|ttclid|_epik|_pin_unauth|li_fat_id|_rdt_[uc]u?id|_?twclid)=([^;]*)/g;
  for (const [, name, value] of document.cookie.matchAll(names)) (found ??= {})[name] = value;
  return found;
});

// Whole at the last moment: titles come late, consent and cookies change.
function complete(event) {
  if (event.url === location.href) event.title = document.title;
  return { ...event, consent: consentNow(), properties: { ...event.properties, $cookies: cookies() } };
}

// Takes from the queue what fits into one body, each event with its text.
function pack() {
  const batch = [];
  for (let size = 0; queue.length;) {
    const event = queue[0];
    const text = guard(() => JSON.stringify(complete(event)))();
    const bytes = new Blob([text]).size;
    if (size && size + bytes > maxBytes) break;
    queue.shift();
    if (text && bytes < maxBytes) batch.push({ event, text });
    else finish([event], false, 'unsendable'); // too large, or a circle in the properties
    size += bytes;
  }
  return batch;
}

function retry(events, seconds) {
  waitUntil = Date.now() + (Math.min((+seconds || 2 ** tries++ * (0.5 + Math.random())) * 1000, 300000) | 0); // timers drop fractions, and would come too early
  queue.unshift(...events);
  keepBound();
}

function byImage(event) {
  const { consent, properties, ...rest } = complete(event);
  let query = '?sent_at=' + Date.now();
  for (const [name, value] of Object.entries({ ...rest, ...consent, ...properties })) {
    const more = '&' + name + '=' + encodeURIComponent(value?.trim ? value : JSON.stringify(value));
    if (value != null && (query + more).length < 8000) query += more;
  }
  return new Promise((done) => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => done();
    image.src = collector + pixelPath + query;
  });
}

// One at a time: where the collector itself is away, the first shows it.
async function sendImages() {
  while (queue.length && may('storage') && navigator.onLine) { // an image cannot leave the cookie at home
    const event = queue.shift();
    if (!await byImage(event)) return retry([event]);
    finish([event], true, 'image');
    tries = 0;
  }
}

const bodyOf = (batch) => `{"sent_at":${Date.now()},"batch":[${batch.map((one) => one.text)}]}`;
const post = (body, keepalive) => fetch(endpoint, { method: 'POST', body, keepalive, credentials: may('storage') ? 'include' : 'omit' });

async function send(batch) {
  const events = batch.map((one) => one.event);
  const body = bodyOf(batch);
  let response;
  try {
    response = await post(body, true).catch(() => post(body)); // somebody else may have used up what may outlive the page
  } catch { // away, or a policy forbids it
    retry(events);
    return sendImages();
  }
  const { status } = response;
  const { code: whole = status, refused } = status === 204 ? {} : await response.json().catch(() => ({}));
  const again = [];
  events.forEach((event, index) => {
    const code = refused ? refused.find((one) => one.index === index)?.code : status >= 300 && whole;
    if (!code) finish([event], true, status);
    else if (/408|429|5../.test(status) && (!refused || /full|failed|stopping/.test(code))) again.push(event);
    else finish([event], false, code);
  });
  if (again.length) retry(again, response.headers.get('Retry-After'));
  else tries = 0;
}

async function flush() {
  timer = clearTimeout(timer);
  if (isBusy || document.prerendering || !may('measurement') || !navigator.onLine) return;
  if (waitUntil > Date.now()) return schedule();
  if (!isRecalled && may('storage')) isRecalled = !recall();
  isBusy = true;
  try {
    if (onlyImages) await sendImages();
    else for (let batch = pack(); batch.length; batch = waitUntil > Date.now() ? [] : pack()) await send(batch);
  } catch { /* the page goes on */ }
  isBusy = false;
  if (queue.length) schedule();
}

function beacon(batch) {
  if (may('storage') && navigator.sendBeacon?.(endpoint, bodyOf(batch))) return finish(batch.map((one) => one.event), true, 'beacon');
  if (batch.length < 2 || !may('storage')) return send(batch);
  const half = batch.length >> 1;
  beacon(batch.slice(0, half));
  beacon(batch.slice(half));
}

// What cannot be sent now waits on the device for the next page.
function keep() {
  if (!queue.length || !may('storage')) return;
  const kept = [...JSON.parse(localStorage.px_q || '[]'), ...queue].slice(-100);
  let text;
  while ((text = JSON.stringify(kept)).length > 100000) kept.shift();
  localStorage.px_q = text;
  queue.length = 0;
  isRecalled = false;
}

const recall = guard(() => {
  const kept = localStorage.px_q || '[]';
  delete localStorage.px_q; // at once: another tab must not take it too
  queue.unshift(...JSON.parse(kept).filter((event) => Date.now() - event.timestamp < 864e5)); // older times the collector does not believe
});

const leave = guard(() => {
  if (document.prerendering) return;
  hideListeners.forEach((work) => guard(work)());
  if (!may('measurement')) return;
  if (onlyImages || !navigator.onLine || waitUntil > Date.now()) return keep(); // browsers do not promise to load images for a page that goes
  for (let batch; (batch = pack()).length;) beacon(batch);
});

addEventListener('pagehide', leave);
document.addEventListener('visibilitychange', () => document.hidden ? leave() : schedule(0));
addEventListener('online', () => schedule(0));
document.addEventListener('securitypolicyviolation', (event) => {
  onlyImages ||= event.disposition === 'enforce' && event.blockedURI === endpoint;
});
