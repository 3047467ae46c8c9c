"""Speed of word errors: many utterances against jiwer; a pair of 50,000 words against one of 10,000, and its memory.

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
LONG, LONGER = 10_000, 50_000
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

    print(
        f"one pair of {LONGER} words, processor time against one of {LONG} (at most 12); "
        "memory above the start (at most 300 MB)"
    )
    for cost in COSTS:
        took = [min(seconds(partial(score, count, cost)) for _ in range(ROUNDS)) for count in (LONG, LONGER)]
        command = [sys.executable, "-c", MEASURE, cost]
        rise = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"  align_words, cost={cost!r:<16} {took[1] / took[0]:.1f}    {float(rise):.0f} MB")


MEASURE = """
import sys, threading, psutil
from benchmarks.bench_word_errors import LONGER, score

process = psutil.Process()
score(100, sys.argv[1])                     # warm up, with all imports
start = peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch); watcher.start()
score(LONGER, sys.argv[1])
done.set(); watcher.join()
print((peak - start) / 1e6)
"""


def score(count: int, cost: str) -> object:
    """Align a pair of texts."""
    said, heard = pair(count, 0)
    return sx.align_words({"a": heard}, {"a": said}, cost=cost)


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


if __name__ == "__main__":
    main()
