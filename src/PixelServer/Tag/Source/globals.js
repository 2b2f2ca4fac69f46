// Names that other scripts put on window, now or later.

// Calls wrap(value) for window[name] now and whenever somebody assigns it; the page sees what wrap returned.
function watch(name, wrap) {
  const known = Object.getOwnPropertyDescriptor(window, name);
  let current;
  const take = (value) => {
    if (value === current) return; // window.dataLayer = window.dataLayer || []
    known?.set?.call(window, value); // somebody watches it already
    current = known?.get ? known.get.call(window) : value;
    if (current != null) try { current = wrap(current); } catch { /* the page keeps its own */ }
  };
  guard(() => {
    take(window[name]);
    if (known && !known.configurable) window[name] = current; // a var or a function of the page: it can be assigned, not watched
    else Object.defineProperty(window, name, { configurable: true, enumerable: true, get: () => current, set: take });
  })();
}

// Calls see(entry) for every entry of the array window[name], those in it and those pushed later.
function tap(name, see) {
  watch(name, (list) => {
    const { push } = list;
    list.forEach((entry) => guard(see)(entry));
    list.push = function (...entries) {
      entries.forEach((entry) => guard(see)(entry));
      return push.apply(this, entries);
    };
    return list;
  });
}
