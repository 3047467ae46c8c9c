/* The seam between two sessions of the same audio: the browser's copy of
   soniox_ds/live/resume.py, which explains it. A test compares the two. Times are milliseconds on the recording's timeline. */

/** Return the time from which to send the audio again after `settled` tokens (originals) were received. */
function resumeAt(settled, finalAudioMs) {
  const floor = Math.max(finalAudioMs - CONSTANTS.resume.window_ms, 0);
  const timed = settled.slice(-200).filter((token) => token.start_ms !== null && token.end_ms !== null);
  const lastEnd = timed.reduce((end, token) => Math.max(end, token.end_ms), 0);
  if (!timed.length || finalAudioMs - lastEnd >= CONSTANTS.resume.pause_ms) {
    return Math.max(finalAudioMs - 300, lastEnd, floor);
  }
  let best = floor;
  let longest = -1;
  timed.forEach((after, index) => {
    const end = index ? timed[index - 1].end_ms : 0;
    const beginsWord = !index || /^\s/u.test(after.text);
    if (after.start_ms < floor || after.start_ms > finalAudioMs - CONSTANTS.resume.least_ms || !beginsWord) return;
    if (after.start_ms - end > longest) {
      best = Math.max(after.start_ms - CONSTANTS.resume.before_word_ms, end, floor);
      longest = after.start_ms - end;
    }
  });
  return best;
}

/** Return true if a token of the new session starts clearly after everything that was settled before. */
function seamPassed(settledEndMs, token) {
  return token.start_ms !== null && token.start_ms >= settledEndMs + CONSTANTS.resume.clear_ms;
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
  if (bestCost[0] <= CONSTANTS.resume.most_wrong * wanted.length) return best;
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

/** Return true for a character of a script that is written without spaces between words. */
function isUnspaced(char) {
  const { unspaced_ranges: ranges, fullwidth_punctuation: fullwidth } = CONSTANTS.resume;
  const code = char.codePointAt(0);
  return fullwidth.includes(char) || ranges.some(([low, high]) => code >= low && code <= high);
}
