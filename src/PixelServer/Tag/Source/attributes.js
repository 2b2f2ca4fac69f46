// <button data-px-event="AddToCart" data-px-value="9.90" data-px-currency="EUR" data-px-item-id="7">
onClick('[data-px-event]', (element) => {
  const properties = {};
  for (const { name, value } of element.attributes) {
    if (/^data-px-(?!event$)/.test(name)) properties[name.slice(8).replace(/-/g, '_')] = value;
  }
  track(element.dataset.pxEvent, properties);
});
