"""Speed of word errors against jiwer: many utterances, and single long pairs, whose memory is measured too.

Words are drawn by Zipf's law from 20,000; one in ten is changed, left out, or followed by another one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import soniox_ds as sx

UTTERANCES, WORDS_EACH = 20_000, 15
LONG_PAIRS = [
    ("similar", 20_000),
    ("40 % lost", 20_000),
    ("40 % added", 20_000),
    ("unrelated", 10_000),
    ("similar", 50_000),
    ("40 % lost", 50_000),
]
CHARACTERS_OF, LONGEST = 10_000, 100_000
ROUNDS = 3
COSTS = ("sclite", "levenshtein")


def main() -> None:
    """Print the ratios and the rise of memory."""
    import jiwer

    pairs = [pair(WORDS_EACH, seed) for seed in range(UTTERANCES)]
    said, heard = {f"{n}": one for n, (one, _) in enumerate(pairs)}, {f"{n}": two for n, (_, two) in enumerate(pairs)}
    references, hypotheses = list(said.values()), list(heard.values())
    jobs: dict[str, Callable[[], object]] = {
        "jiwer.process_words": lambda: jiwer.process_words(references, hypotheses),
        "word_errors, no normalisation": lambda: sx.word_errors(heard, said, normalizer="none"),
        "word_errors": lambda: sx.word_errors(heard, said),
        "word_errors, cost='levenshtein'": lambda: sx.word_errors(heard, said, cost="levenshtein"),
        "align_words": lambda: sx.align_words(heard, said),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            times[name].append(seconds(job))
    jiwers = min(times["jiwer.process_words"])
    print(f"{UTTERANCES} utterances of {WORDS_EACH} words, processor time against jiwer.process_words")
    print("(word_errors: at most 1)")
    for name in list(jobs)[1:]:
        print(f"  {name:<34} {min(times[name]) / jiwers:.2f}")

    print("one pair, processor time against jiwer.process_words or process_characters of the same pair")
    for name, count in LONG_PAIRS:
        reference, hypothesis = long_pair(name, count)
        by_jiwer = least(partial(jiwer.process_words, reference, hypothesis))
        for cost in COSTS:
            score = partial(sx.word_errors, {"a": hypothesis}, {"a": reference}, cost=cost, normalizer="none")
            print(f"  {count:>6} words, {name:<24} cost={cost!r:<14} {least(score) / by_jiwer:.1f}")
    for name in ("similar", "a longer end"):
        reference, hypothesis = long_pair(name, CHARACTERS_OF)
        by_jiwer = least(partial(jiwer.process_characters, reference, hypothesis))
        score = partial(sx.character_errors, {"a": hypothesis}, {"a": reference}, normalizer="none")
        print(f"  characters of {CHARACTERS_OF} words, {name:<29} {least(score) / by_jiwer:.1f}")
    print(f"memory above the start, one pair of {LONGEST} words (at most 300 MB)")
    for name in ("similar", "40 % lost"):
        command = [sys.executable, "-c", MEASURE, name]
        rise = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"  {name:<24} {float(rise):.0f} MB")


MEASURE = """
import sys, threading, psutil
import soniox_ds as sx
from benchmarks.bench_word_errors import LONGEST, long_pair

process = psutil.Process()
reference, hypothesis = long_pair(sys.argv[1], LONGEST)
sx.word_errors({"a": "one two"}, {"a": "one too"})  # warm up, with all imports
start = peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch); watcher.start()
sx.word_errors({"a": hypothesis}, {"a": reference}, normalizer="none")
done.set(); watcher.join()
print((peak - start) / 1e6)
"""


def long_pair(name: str, count: int) -> tuple[str, str]:
    """Return a text of `count` words and a transcript of it, with errors of the kind that the name says."""
    reference, hypothesis = pair(count, 0)
    if name == "unrelated":
        return reference, pair(count, 1)[0]
    if name == "a longer end":
        return reference, f"{hypothesis} {pair(count // 3, 1)[0]}"
    words = (reference if name == "40 % added" else hypothesis).split()
    shorter = " ".join(words[: int(len(words) * 0.3)] + words[int(len(words) * 0.7) :])
    return {"40 % lost": (reference, shorter), "40 % added": (shorter, hypothesis)}.get(name, (reference, hypothesis))


def pair(count: int, seed: int) -> tuple[str, str]:
    """Return a text of `count` words and a transcript of it with errors."""
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, 20_001)
    borders = np.cumsum(chances / chances.sum())
    said = np.searchsorted(borders, rng.random(count))
    other = np.searchsorted(borders, rng.random(count))
    fate = rng.random(count)
    heard: list[int] = []
    for word, another, luck in zip(said.tolist(), other.tolist(), fate.tolist(), strict=True):
        if luck < 0.025:
            continue
        heard.append(another if luck < 0.075 else word)
        if luck > 0.975:
            heard.append(another)
    return " ".join(f"w{word}" for word in said.tolist()), " ".join(f"w{word}" for word in heard)


def seconds(job: Callable[[], object]) -> float:
    """Return the processor seconds that a job takes, so that other work on the machine matters little."""
    start = time.process_time()
    job()
    return time.process_time() - start


def least(job: Callable[[], object]) -> float:
    """Return the least processor seconds of several rounds."""
    return min(seconds(job) for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
