/* Waiting times that are not used up while the page hangs: looks are counted, not time, because after the page hung,
   messages that arrived meanwhile are still unread when a timer fires. */

const PATIENCE_LOOK_MS = 100;

/** Calls `then` after so many milliseconds in which the page was awake; returns a function that cancels it. */
function afterPatience(ms, then) {
  let looks = Math.ceil(ms / PATIENCE_LOOK_MS);
  const timer = setInterval(() => {
    looks -= 1;
    if (looks > 0) return;
    clearInterval(timer);
    then();
  }, PATIENCE_LOOK_MS);
  return () => clearInterval(timer);
}
