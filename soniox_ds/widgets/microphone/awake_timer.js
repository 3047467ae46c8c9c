/* A timer that counts only the time in which the page is awake. It counts looks, not time, because after the page hung,
   messages that arrived meanwhile are still unread when an ordinary timer fires. */

/** Calls `then` after so many milliseconds in which the page was awake; returns a function that cancels it. */
function afterTimeAwake(ms, then) {
  let looks = Math.ceil(ms / CONSTANTS.awake_timer.look_ms);
  const timer = setInterval(() => {
    looks -= 1;
    if (looks > 0) return;
    clearInterval(timer);
    then();
  }, CONSTANTS.awake_timer.look_ms);
  return () => clearInterval(timer);
}
