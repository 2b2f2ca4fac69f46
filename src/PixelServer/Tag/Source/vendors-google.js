// gtag pushes its arguments; a tag manager is pushed objects, and the page may push one again.
const numbered = new WeakSet();
const google = {
  key: 'google',
  read: ([command, name, parameters]) => command === 'event'
    ? [name, 2, /^(purchase|refund|conversion)$/.test(name) && parameters?.transaction_id ? 'transaction_id' : 'event_id']
    : command === 'config' && parameters?.send_page_view !== false && ['page_view'],
};
queueMicrotask(() => tap('dataLayer', (entry) => {
  if ('callee' in entry) return see(google, entry);
  const { event, event_id: id, ecommerce, ...rest } = entry;
  if (indexOf(event) < 0) return;
  const isTheirs = id && !numbered.has(entry);
  const call = ['event', event, { ...rest, event_id: isTheirs ? id : undefined, ...ecommerce }];
  see(google, call);
  if (isTheirs || !call[2].event_id) return;
  entry.event_id = call[2].event_id;
  numbered.add(entry);
}));
