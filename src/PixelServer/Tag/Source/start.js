// Last: answers the calls that the snippet queued before this file arrived, and every call from now on.
const run = (time, command, name, properties, options) => {
  if (command === 'track') track(name, properties, { time, ...options });
};
const waiting = (window.px && window.px.q) || [];
const px = guard((...call) => run(Date.now(), ...call));
window.px = px;
for (const [time, call] of waiting) guard(run)(time, ...call);
