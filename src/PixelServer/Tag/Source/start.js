// Last: answers the calls that the snippet queued before this file arrived, and every call from now on.
const px = guard((command, ...rest) => {
  if (command === 'track') track(...rest);
});
for (const [, call] of (window.px && window.px.q) || []) px(...call);
window.px = px;
