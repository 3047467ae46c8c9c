/* The seam between two sessions of the same audio: the browser's copy of soniox_ds/live/reconnect.py, which explains
it.
   A test compares the two. Times are milliseconds on the recording's timeline. */

const SEAM = { windowMs: 3000, leastMs: 400, pauseMs: 700, beforeWordMs: 90, mostWrong: 0.5, clearMs: 600 };

/** Return the time from which to send the audio again after `settled` tokens (originals) were received. */
function resumeAt(settled, finalAudioMs) {
  const floor = Math.max(finalAudioMs - SEAM.windowMs, 0);
  const timed = settled.slice(-200).filter((token) => token.start_ms !== null && token.end_ms !== null);
  const lastEnd = timed.reduce((end, token) => Math.max(end, token.end_ms), 0);
  if (!timed.length || finalAudioMs - lastEnd >= SEAM.pauseMs) {
    return Math.max(finalAudioMs - 300, lastEnd, floor);
  }
  let best = floor;
  let longest = -1;
  timed.forEach((after, index) => {
    const end = index ? timed[index - 1].end_ms : 0;
    const beginsWord = !index || /^\s/u.test(after.text);
    if (after.start_ms < floor || after.start_ms > finalAudioMs - SEAM.leastMs || !beginsWord) return;
    if (after.start_ms - end > longest) {
      best = Math.max(after.start_ms - SEAM.beforeWordMs, end, floor);
      longest = after.start_ms - end;
    }
  });
  return best;
}

/** Return true if a token of the new session starts clearly after everything that was settled before. */
function seamPassed(settledEndMs, token) {
  return token.start_ms !== null && token.start_ms >= settledEndMs + SEAM.clearMs;
}

/** Count the tokens at the beginning of a new session that repeat the expected ones. */
function firstNew(expected, heard) {
  if (!expected.length) return 0;
  const last = expected[expected.length - 1];
  const lastStart = last.start_ms || 0;
  const wanted = expected.flatMap((token) => lettersOf(token.text));
  const distances = prefixDistances(wanted, heard.map((token) => lettersOf(token.text)));
  let best = 0;
  let bestCost = [Infinity, Infinity];
  for (let count = 0; count <= heard.length; count += 1) {
    const after = count < heard.length ? heard[count].start_ms : null;
    const before = count ? heard[count - 1].start_ms : null;
    let far = before === null ? 0 : Math.abs(before - lastStart);
    if (before === null && after !== null) far = Math.max(lastStart - after + 1, 0);
    const cost = [distances[count], far];
    if (cost[0] < bestCost[0] || (cost[0] === bestCost[0] && cost[1] < bestCost[1])) {
      best = count;
      bestCost = cost;
    }
  }
  if (bestCost[0] <= SEAM.mostWrong * wanted.length) return best;
  const middle = (lastStart + (last.end_ms || lastStart)) / 2;
  return heard.filter((token) => token.start_ms !== null && token.start_ms <= middle).length;
}

/** Return the letters and digits, casefolded and in normal form KC. */
function lettersOf(text) {
  const folded = [...text.normalize("NFKC")].map((char) => char.toUpperCase().toLowerCase());
  return [...folded.join("")].filter((char) => /[\p{L}\p{N}]/u.test(char));
}

/** Return the Levenshtein distances of `wanted` to the first 0, 1, 2, ... of `pieces` joined. */
function prefixDistances(wanted, pieces) {
  let row = wanted.map((_, index) => index + 1);
  row.unshift(0);
  const distances = [wanted.length];
  for (const piece of pieces) {
    for (const char of piece) {
      const next = [row[0] + 1];
      for (let index = 1; index < row.length; index += 1) {
        const same = wanted[index - 1] === char ? 0 : 1;
        next.push(Math.min(row[index] + 1, next[index - 1] + 1, row[index - 1] + same));
      }
      row = next;
    }
    distances.push(row[row.length - 1]);
  }
  return distances;
}

// Scripts that are written without spaces between words (soniox_ds/text/scripts.py).
const UNSPACED_RANGES = [
  [0x0e00, 0x0eff], [0x1000, 0x109f], [0x1780, 0x17ff], [0x1950, 0x19ff], [0x1a20, 0x1aaf], [0x2e80, 0x312f],
  [0x31a0, 0x31ff], [0x3200, 0x4dbf], [0x4e00, 0x9fff], [0xa000, 0xa4cf], [0xa9e0, 0xa9ff], [0xaa60, 0xaadf],
  [0xf900, 0xfaff], [0xff61, 0xff9f], [0x1aff0, 0x1b16f], [0x1f200, 0x1f2ff], [0x20000, 0x3fffd],
];
const FULLWIDTH_PUNCTUATION = "！＂＇（），－．／：；＜＞？［］｛｝～＿";

function isUnspaced(char) {
  const code = char.codePointAt(0);
  return FULLWIDTH_PUNCTUATION.includes(char) || UNSPACED_RANGES.some(([low, high]) => code >= low && code <= high);
}
