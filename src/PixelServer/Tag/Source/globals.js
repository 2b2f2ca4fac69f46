// Names that other scripts put on window, now or later.

// Calls wrap(value) for window[name] now and whenever somebody assigns it, and lets the page see what wrap returned.
function watch(name, wrap) {
  const safe = (value) => {
    try { return wrap(value); } catch { return value; }
  };
  let current = window[name];
  if (current !== undefined) current = safe(current);
  const known = Object.getOwnPropertyDescriptor(window, name);
  if (known && !known.configurable) { // a var or a function of the page itself: it can be assigned, not watched
    window[name] = current;
    return;
  }
  Object.defineProperty(window, name, {
    configurable: true, enumerable: true, get: () => current, set: (value) => { current = safe(value); },
  });
}
