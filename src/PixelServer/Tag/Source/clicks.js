// Clicks with any button that opens a link, also inside shadow roots. The page cannot keep them from us by stopping the event.
function onClick(selector, work) {
  const listener = guard((event) => {
    const element = event.button < 2 && event.composedPath().find((one) => one.matches?.(selector));
    if (element) work(element);
  });
  addEventListener('click', listener, true);
  addEventListener('auxclick', listener, true);
}
