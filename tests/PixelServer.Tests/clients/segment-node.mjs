// A backend that uses @segment/analytics-node as its documentation has it: every call once, then the end of the program.
// Arguments: host, key, and optionally a number of further track calls.
import { createRequire } from 'node:module';
const { Analytics } = createRequire(import.meta.url)('@segment/analytics-node');

const [host, writeKey, more = '0'] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, maxRetries: 0 });
let failed = 0;
analytics.on('error', error => { failed++; console.error(error); });
analytics.on('http_response', response => console.log(`${response.status} ${new URL(response.url).pathname}`));

const context = {
  ip: '203.0.113.77',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  locale: 'de-AT',
  timezone: 'Europe/Vienna',
  page: { url: 'https://shop.example/shoes?gclid=Cj0KCQ-AbC_9', title: 'Schuhe', referrer: 'https://search.example/', path: '/shoes', search: '?gclid=Cj0KCQ-AbC_9' },
  campaign: { name: 'autumn', source: 'newsletter', medium: 'email', term: 'boots', content: 'hero' },
};
const anonymousId = 'visitor-1';
const timestamp = new Date(Date.now() - 3_600_000);
analytics.track({ userId: 'user123', anonymousId, event: 'Order Completed', timestamp, context, properties: { order_id: '4711', event_id: 'order-4711', revenue: 59.9, total: 65, currency: 'eur', products: [{ sku: 'B-1', price: 59.9 }] } });
analytics.page({ anonymousId, category: 'Shop', name: 'Shoes', properties: { url: 'https://shop.example/shoes?utm_source=direct', title: 'Schuhe', referrer: 'https://search.example/', path: '/shoes' } });
analytics.screen({ anonymousId, name: 'Cart', properties: { items: 2 } });
analytics.identify({ userId: 'user123', anonymousId, traits: { email: 'Jane.Doe@Example.com', firstName: 'Jane', plan: 'pro', address: { city: 'Wien' } } });
analytics.group({ userId: 'user123', anonymousId, groupId: 'acme', traits: { name: 'Acme', employees: 12 } });
analytics.alias({ userId: 'user123', previousId: 'visitor-1' });
for (let i = 0; i < Number(more); i++) analytics.track({ anonymousId: `visitor-${i}`, event: 'Filler', properties: { i } });
await analytics.closeAndFlush({ timeout: 30_000 });
process.exit(failed ? 1 : 0);
