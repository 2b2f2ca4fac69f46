// How far down the page was seen; each mark once for a page view.
let marks = [25, 50, 75, 90];
pageListeners.push(() => { marks = [25, 50, 75, 90]; });
addEventListener('scroll', guard(() => {
  const seen = (scrollY + innerHeight) / document.documentElement.scrollHeight * 100;
  while (marks[0] <= seen) track('scroll', { percent: marks.shift() });
}), { passive: true });
