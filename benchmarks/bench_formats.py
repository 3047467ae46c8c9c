"""Speed and memory of writing a million words to each format, against ``DataFrame.to_csv`` of the same rows.

The words are those of 100 recordings with four speakers. Every format is compared with ``to_csv`` of the table of
words, in turn, round after round; the time of a format of segments includes the making of the segments. Memory is
measured for each format in a process of its own. Bounds: at most twice the time of ``to_csv``, and at most 300 MB
above the tables.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa

import soniox_ds as sx
from soniox_ds.io.formats import FORMATS

N_WORDS = 1_000_000
N_RECORDINGS = 100
ROUNDS = 3
MOST_TIMES = 2
MOST_MB = 300
NOT_TEXT = ("excel", "huggingface", "webdataset")
OF_CORPORA = ("kaldi", "nemo", "soniox")
"""Formats that need the recordings or the tokens; all others are written from the table of words."""


def corpus() -> sx.Corpus:
    """Return a corpus of a million words, one token each, with a sentence end after every tenth word."""
    rng = np.random.default_rng(0)
    vocabulary = np.array([f" word{n}" for n in range(4000)])
    index = np.arange(N_WORDS)
    within = index % (N_WORDS // N_RECORDINGS)
    texts = pd.Series(vocabulary[rng.integers(0, len(vocabulary), N_WORDS)])
    texts = texts.where(index % 10 != 9, texts + ".")
    ids = [f"calls/{number}.wav" for number in range(N_RECORDINGS)]
    tokens = pd.DataFrame(
        {
            "audio_id": np.repeat(ids, N_WORDS // N_RECORDINGS),
            "token_index": within,
            "text": texts,
            "start_ms": within * 400,
            "end_ms": within * 400 + 300,
            "confidence": rng.random(N_WORDS).round(3),
            "speaker": (index // 40 % 4).astype(str),
            "language": "en",
        }
    )
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed", "source": ids, "duration_ms": 4_000_000})
    return sx.Corpus(recordings, tokens)


def writers(transcribed: sx.Corpus, words: pd.DataFrame, folder: str) -> dict[str, Callable[[], object]]:
    """Return the calls that are measured, by the name of the format."""
    ways: dict[str, Callable[[], object]] = {"to_csv": lambda: words.to_csv(f"{folder}/words.csv", index=False)}
    for name, each in FORMATS.items():
        if (writer := each.writer) is not None and name not in NOT_TEXT:
            given = transcribed if name in OF_CORPORA else words
            ways[name] = partial(writer, given, Path(folder, f"to_{name}"))
    return ways


def megabytes(name: str) -> float:
    """Return the rise of the resident memory of this process while a format is written."""
    transcribed = corpus()
    words = transcribed.words()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        way = writers(transcribed, words, folder)[name]
        gc.collect()
        pa.default_memory_pool().release_unused()
        start = peak = process.memory_info().rss
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.01):
                peak = max(peak, process.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        way()
        done.set()
        watcher.join()
    return (peak - start) / 1e6


def cpu_medians(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the CPU seconds of each way, as the median over rounds in which all ways run in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            gc.collect()
            start = time.process_time()
            way()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the ratio and the memory of each format. Raises SystemExit if a bound is broken."""
    transcribed = corpus()
    words = transcribed.words()
    with tempfile.TemporaryDirectory() as folder:
        times = cpu_medians(writers(transcribed, words, folder), ROUNDS)
    print(f"{N_WORDS:,} words; CPU times are multiples of that of DataFrame.to_csv for the table of words")
    broken = []
    for name, seconds in times.items():
        command = [sys.executable, "-c", f"from benchmarks.bench_formats import *; print(megabytes({name!r}))"]
        rise = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ratio = seconds / times["to_csv"]
        print(f"  {name:<10} {ratio:5.2f} (at most {MOST_TIMES})   {rise:4.0f} MB (at most {MOST_MB})")
        if ratio > MOST_TIMES or rise > MOST_MB:
            broken.append(name)
    if broken:
        raise SystemExit(f"a bound is broken for {', '.join(broken)}")


if __name__ == "__main__":
    main()
