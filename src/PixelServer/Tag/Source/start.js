// Last: answers the calls that the snippet queued before this file arrived, and every call from now on.

const commands = {
  track, identify,
  page: viewPage,
  consent: (words) => say('px', understand(words)),
  reset: () => {
    user = undefined;
    track('reset').$reset = true;
  },
};
const run = (time, [command, ...rest]) => {
  callTime = time;
  guard(commands[command])(...rest);
  callTime = 0;
};

const begin = guard((activation) => {
  const waiting = window.px?.q || [];
  window.px = (...call) => run(0, call);
  px.version = config.version;
  px.q = { push: (entry) => run(...entry) }; // for a page that kept the snippet's function
  for (const entry of waiting) run(...entry);
  callTime = !activation && waiting[0]?.[0]; // the page was there before, but if it was only prepared, nobody saw it
  startListeners.forEach((work) => guard(work)());
  callTime = 0;
  schedule();
});

// A page that is prepared in advance counts when somebody sees it.
if (document.prerendering) document.addEventListener('prerenderingchange', begin, { once: true });
else begin();
