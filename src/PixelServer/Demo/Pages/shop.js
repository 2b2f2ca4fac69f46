// The demo shop: a page that changes without reloading, and beside it a list of what the server has stored.
'use strict';

const goods = {
  boots: { name: 'Rain boots', value: 59.9, sku: 'B-1' },
  scarf: { name: 'Wool scarf', value: 24.5, sku: 'S-2' },
};
const byId = (id) => document.getElementById(id);
const template = (id) => byId(id).content.cloneNode(true);

// ---- Pages

function show() {
  const name = location.pathname.replace(/^\/demo\/?/, '');
  const good = goods[name];
  const content = template(good ? 'product' : name === 'thanks' ? 'thanks' : 'front');
  if (good) {
    content.querySelector('h1').textContent = good.name;
    content.querySelector('.price').textContent = `€ ${good.value.toFixed(2)}`;
    Object.assign(content.querySelector('#cart').dataset, { pxValue: good.value, pxSku: good.sku });
    content.querySelector('#buy').addEventListener('click', () => buy(good));
  }
  byId('page').replaceChildren(content);
  document.title = good ? `${good.name} – Juniper` : name === 'thanks' ? 'Thank you – Juniper' : 'Juniper – a demo shop';
}

function go(path) {
  history.pushState(null, '', path);
  show();
}

document.addEventListener('click', (click) => {
  const link = click.target.closest('a[data-route]');
  if (!link || click.metaKey || click.ctrlKey || click.shiftKey) return;
  click.preventDefault();
  go(link.getAttribute('href'));
});
document.addEventListener('submit', (submit) => {
  submit.preventDefault();
  byId('newsletter').replaceChildren('Thank you. (Nothing was kept of what you typed.)');
});
addEventListener('popstate', show);

// ---- One purchase, told to seven platforms as shops do

function buy({ name, value, sku }) {
  const order = `order-${Date.now()}`;
  fbq('track', 'Purchase', { value, currency: 'EUR', content_ids: [sku] }, { eventID: order });
  gtag('event', 'purchase', { transaction_id: order, value, currency: 'EUR', items: [{ item_id: sku, item_name: name }] });
  lintrk('track', { conversion_id: 4711 });
  twq('event', 'tw-demo-buy', { value, currency: 'EUR' });
  ttq.track('Purchase', { value, currency: 'EUR', contents: [{ content_id: sku }] }, { event_id: order });
  rdt('track', 'Purchase', { value, currency: 'EUR' });
  pintrk('track', 'checkout', { value, currency: 'EUR', order_id: order });
  go('/demo/thanks');
}

// ---- Consent: here the answer is forgotten with the page, so that the demo can be repeated

byId('banner').hidden = false;
for (const [button, answer] of [['agree', 'granted'], ['decline', 'denied']]) {
  byId(button).addEventListener('click', () => {
    px('consent', { storage: answer, measurement: answer, ads: answer });
    byId('banner').hidden = true;
  });
}

// ---- What the server has stored

const shown = new Map(); // event id → its line, so that an opened line stays open

function line(event) {
  const item = document.createElement('li');
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  const facts = [event.path, event.value && `${event.value} ${event.currency ?? ''}`, event.properties?.vendor, event.traffic];
  summary.append(Object.assign(document.createElement('b'), { textContent: event.name }), ' ', facts.filter(Boolean).join(' · '));
  const whole = Object.assign(document.createElement('pre'), { textContent: JSON.stringify(event, null, 1) });
  details.append(summary, whole);
  item.append(details);
  return item;
}

async function refresh() {
  try {
    const answer = await fetch('/demo/events', { cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.status);
    const events = await answer.json();
    for (const event of events.toReversed()) {
      if (shown.has(event.event_id)) continue;
      shown.set(event.event_id, line(event));
      byId('stored').prepend(shown.get(event.event_id));
    }
    byId('stored-state').textContent = shown.size ? `${shown.size} events, newest first. Open one to see its row.` : 'Nothing yet. Agree below, then click around.';
  } catch {
    byId('stored-state').textContent = 'The server does not answer: is it still running?';
  }
  setTimeout(refresh, 1000);
}

show();
refresh();
