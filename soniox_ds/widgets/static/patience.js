/* Waiting that a page which hangs cannot use up: looks are counted, not time. Where the page hung, what came meanwhile
   still waits to be heard when a timer fires. */

const PATIENCE_LOOK_MS = 100;

/** Calls `then` after so many milliseconds in which the page was awake; returns what calls that off. */
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
