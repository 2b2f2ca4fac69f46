// A page view when the page is shown: loaded, activated after prerendering, or back from the back/forward cache.
startListeners.push(() => viewPage());
addEventListener('pageshow', guard((event) => {
  if (event.persisted) viewPage().properties.$tag.restored = true;
}));
