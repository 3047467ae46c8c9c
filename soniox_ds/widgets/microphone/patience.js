/* Waiting times that are not used up while the page hangs: looks are counted, not time, because after the page hung,
   messages that arrived meanwhile are still unread when a timer fires. */


/** Calls `then` after so many milliseconds in which the page was awake; returns a function that cancels it. */
function afterPatience(ms, then) {
  let looks = Math.ceil(ms / CONSTANTS.patience.look_ms);
  const timer = setInterval(() => {
    looks -= 1;
    if (looks > 0) return;
    clearInterval(timer);
    then();
  }, CONSTANTS.patience.look_ms);
  return () => clearInterval(timer);
}
