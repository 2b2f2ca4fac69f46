// A page view for each address inside a single-page application.

// A fragment is a place on the page, unless it is written like a route.
const routeOf = (url) => url.replace(/#(?![/!]).*/, '');

const navigated = guard(() => {
  if (routeOf(location.href) === routeOf(pageUrl)) return;
  referrer = pageUrl;
  viewPage();
});

startListeners.push(() => {
  if (window.navigation) return navigation.addEventListener('currententrychange', navigated);
  for (const name of ['pushState', 'replaceState']) {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      navigated();
      return result;
    };
  }
  addEventListener('popstate', navigated);
  addEventListener('hashchange', navigated);
});
