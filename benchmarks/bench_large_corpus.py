"""Opened corpora: memory, growth of the time with the size, two processes against one, and DuckDB against pandas.

``python -m benchmarks.bench_large_corpus 8`` uses eight million tokens instead of two. ``python -m
benchmarks.bench_large_corpus 1 3 10 30`` prints the growth of time and memory over these sizes instead; from 20 parts
on, the same 20 parts are repeated under other ids.
"""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import soniox_ds as sx
from soniox_ds.corpus.appending import Appender

MILLIONS = 2.0
TOKENS_PER_RECORDING = 500
RECORDINGS_PER_PART = 200
CALLS = {
    "materialize words": "corpus.materialize('words', progress=False)",
    "word_errors": "sx.word_errors(corpus)",
    "speaker_stats": "sx.speaker_stats(corpus)",
    "sql": "corpus.sql('SELECT language, speaker, count(*) AS n, avg(confidence) FROM tokens GROUP BY ALL')",
}
GROWTH_CALLS = {
    "word_errors": "sx.word_errors(corpus)",
    "summarize(word_errors)": "sx.summarize(sx.word_errors(corpus), n_resamples=1000)",
    "speaker_stats": "sx.speaker_stats(corpus)",
    "calibration": "sx.calibration(corpus, n_resamples=200)",
}
DISTINCT_PARTS = 20
PANDAS = "corpus.tokens.groupby(['language', 'speaker'], observed=True)['confidence'].agg(['size', 'mean'])"

MEASURE = """
import json, sys, threading, time, psutil
from concurrent.futures import ProcessPoolExecutor
import soniox_ds as sx

def main():
    call, small, folder, kind = sys.argv[1:]
    executor = ProcessPoolExecutor(int(kind)) if kind.isdigit() else None
    def opened(path):
        return sx.read_corpus(path) if kind == "loaded" else sx.open_corpus(path, executor=executor)
    process = psutil.Process()
    exec(call, {"sx": sx, "corpus": opened(small)})  # with all imports, also those of the workers
    start = peak = process.memory_info().rss
    done = threading.Event()
    def watch():
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)
    watcher = threading.Thread(target=watch); watcher.start()
    workers = process.children()
    before = [sum(worker.cpu_times()[:2]) for worker in workers]
    begin, cpu = time.perf_counter(), time.process_time()
    exec(call, {"sx": sx, "corpus": opened(folder)})
    result = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
    spent = [sum(worker.cpu_times()[:2]) - earlier for worker, earlier in zip(workers, before)]
    result["worker"] = max(spent, default=0.0)
    done.set(); watcher.join()
    print(json.dumps({**result, "megabytes": (peak - start) / 1e6}))

if __name__ == "__main__":
    main()
"""


def main(millions: float = MILLIONS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "measure.py"
        script.write_text(MEASURE, encoding="utf-8")
        sizes = [millions / 4, millions / 2, millions]
        corpora = {size: _write(Path(folder) / f"corpus-{size:g}", size) for size in sizes}
        small = _write(Path(folder) / "small", 0.2)
        for name, call in CALLS.items():
            runs = [_measured(script, call, small, corpora[size]) for size in sizes]
            figures = ", ".join(
                f"{size:g} million {run['cpu']:.1f} s {run['megabytes']:.0f} MB"
                for size, run in zip(sizes, runs, strict=True)
            )
            slope = math.log(runs[-1]["cpu"] / runs[0]["cpu"]) / math.log(sizes[-1] / sizes[0])
            print(f"{name}: {figures}; slope of the time {slope:.2f}   (0.95 to 1.1)")
        large = corpora[millions]
        loaded = _measured(script, CALLS["word_errors"], small, large, "loaded")
        print(f"word_errors of the loaded corpus: {loaded['cpu']:.1f} s {loaded['megabytes']:.0f} MB")
        for name in ("word_errors", "speaker_stats"):
            one, two = (_measured(script, CALLS[name], small, large, kind) for kind in ("1", "2"))
            by_processor = (one["cpu"] + one["worker"]) / (two["cpu"] + two["worker"])
            print(
                f"{name}: two processes {one['seconds'] / two['seconds']:.2f} times as fast as one, and "
                f"{by_processor:.2f} times by the processor time of the client and the busiest worker   (at least 1.7)"
            )
        pandas = _measured(script, PANDAS, small, large, "loaded")
        duckdb = _measured(script, CALLS["sql"], small, large)
        print(
            f"group by in DuckDB against pandas: {pandas['cpu'] / duckdb['cpu']:.0f} times less processor time, "
            f"{pandas['megabytes'] / max(duckdb['megabytes'], 1):.0f} times less memory"
        )


def growth(sizes: list[float], calls: dict[str, str] = GROWTH_CALLS) -> None:
    """Print time and memory for each size in millions of tokens, and the log-log slope of the time."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "measure.py"
        script.write_text(MEASURE, encoding="utf-8")
        small = _write(Path(folder) / "small", 0.2)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
        written = Path(folder) / "corpus"
        for size in sizes:
            _write(written, size)  # It continues the corpus of the size before.
            for name, call in calls.items():
                run = _measured(script, call, small, written)
                runs[name].append(run)
                print(f"{name}, {size:g} million: {run['cpu']:.1f} s, {run['megabytes']:.0f} MB", flush=True)
        for name, each in runs.items():
            slope = math.log(each[-1]["cpu"] / each[0]["cpu"]) / math.log(sizes[-1] / sizes[0])
            print(f"{name}: slope of the time {slope:.2f}   (0.95 to 1.1)")


def _measured(script: Path, call: str, small: Path, folder: Path, kind: str = "opened") -> dict[str, float]:
    command = [sys.executable, str(script), call, str(small), str(folder), kind]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _write(folder: Path, millions: float) -> Path:
    """Write a corpus of conversations, one part after the other, or continue it."""
    per_part = TOKENS_PER_RECORDING * RECORDINGS_PER_PART
    appender = Appender(folder)
    for number in range(len(appender.parts), round(millions * 1e6 / per_part)):
        appender.append(_renumbered(_part(number % DISTINCT_PARTS), number))
    return folder


def _renumbered(corpus: sx.Corpus, number: int) -> sx.Corpus:
    def renamed(ids: pd.Series[str]) -> pd.Series[str]:
        return (f"call-{number:05d}-" + ids.str[-3:]).astype(ids.dtype)

    recordings = corpus.recordings.assign(audio_id=renamed(corpus.recordings["audio_id"]))
    categories = corpus.tokens["audio_id"].astype("category")
    names = renamed(pd.Series(categories.cat.categories, dtype="string"))
    ids = categories.cat.rename_categories(names.tolist()).astype(corpus.tokens["audio_id"].dtype)
    return sx.Corpus(recordings, corpus.tokens.assign(audio_id=ids))


@functools.cache
def _part(number: int) -> sx.Corpus:
    rng = np.random.default_rng(number)
    count = TOKENS_PER_RECORDING * RECORDINGS_PER_PART
    pieces = np.array([f" {a}{b}" for a in "bdfgklmnprst" for b in ("an", "ed", "il", "om", "ur")] + ["ing", "er", "s"])
    text = pieces[rng.integers(0, len(pieces), count)]
    ids = [f"call-{number:05d}-{place:03d}" for place in range(RECORDINGS_PER_PART)]
    within = np.tile(np.arange(TOKENS_PER_RECORDING), RECORDINGS_PER_PART)
    tokens = pd.DataFrame(
        {
            "audio_id": np.repeat(ids, TOKENS_PER_RECORDING),
            "token_index": within,
            "text": text,
            "start_ms": within * 180,
            "end_ms": within * 180 + 150,
            "confidence": np.round(rng.beta(8, 1, count), 3),
            "speaker": np.where(within // 25 % 2, "2", "1"),
            "language": "en",
        }
    )
    wrong = np.where(rng.random(count) < 0.08, " uh", text)
    references = ["".join(each) for each in np.split(wrong, RECORDINGS_PER_PART)]
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed", "reference": references, "duration_ms": 90_000})
    return sx.Corpus(recordings, tokens)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        growth([float(size) for size in sys.argv[1:]])
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else MILLIONS)
