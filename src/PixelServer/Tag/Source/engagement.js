// Milliseconds for which the page was visible and had the focus; told when it goes and when another view begins.
let engagedSince = 0, engaged = 0;
const measure = () => {
  const now = performance.now();
  if (engagedSince) engaged += now - engagedSince;
  engagedSince = document.visibilityState === 'visible' && document.hasFocus() ? now : 0;
};
const tellEngagement = () => {
  measure();
  if (engaged < 100) return; // a page that goes says so more than once
  track('engagement', { engaged_ms: Math.round(engaged) }).url = pageUrl;
  engaged = 0;
};
startListeners.push(measure);
for (const name of ['focus', 'blur', 'pageshow']) addEventListener(name, measure);
document.addEventListener('visibilitychange', measure);
hideListeners.push(tellEngagement);
pageListeners.push(tellEngagement);
