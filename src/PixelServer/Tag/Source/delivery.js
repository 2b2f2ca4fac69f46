let timer;
const schedule = () => { timer = timer || setTimeout(flush, 500); };
function flush() {
  clearTimeout(timer);
  timer = 0;
  if (queue.length) navigator.sendBeacon(collector + config.beacon, JSON.stringify({ sent_at: Date.now(), batch: queue.splice(0, 500) }));
}
addEventListener('pagehide', () => { hideListeners.forEach((work) => work()); flush(); });
