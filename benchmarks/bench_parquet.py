"""Size of a saved corpus in bytes per token, and the time to save and to read it against pandas.

``python -m benchmarks.bench_parquet 10`` uses ten million tokens instead of one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

import soniox_ds as sx
from soniox_ds.schema import TOKENS, conform

MILLIONS = 1.0
TOKENS_PER_RECORDING = 500
REPEATS = 3


def main(millions: float = MILLIONS) -> None:
    """Print the figures."""
    corpus = _corpus(round(millions * 1e6 / TOKENS_PER_RECORDING))
    n_tokens = len(corpus.tokens)
    with tempfile.TemporaryDirectory() as folder:
        saved, plain = Path(folder) / "corpus", Path(folder) / "plain"
        plain.mkdir()
        save = _seconds(lambda: corpus.save(saved, overwrite=True))
        read = _seconds(lambda: sx.read_corpus(saved))
        tables = {"recordings": corpus.recordings, "tokens": corpus.tokens}

        def with_pandas() -> None:
            for name, table in tables.items():
                table.to_parquet(plain / name, compression="zstd")

        pandas_save = _seconds(with_pandas)
        pandas_read = _seconds(lambda: [pd.read_parquet(plain / name) for name in tables])
        loaded = sx.read_corpus(saved)
        if not loaded.equals(corpus):
            raise AssertionError("the corpus that was read is not the one that was saved")
        size = sum(path.stat().st_size for path in saved.rglob("*.parquet"))
        of_pandas = sum(path.stat().st_size for path in plain.iterdir())
        of_pandas_each = of_pandas / n_tokens
        print(f"{n_tokens:,} tokens: {size / n_tokens:.2f} bytes per token   (at most 8; pandas {of_pandas_each:.2f})")
        columns: Counter[str] = Counter()
        for path in (saved / "tokens").glob("*.parquet"):
            footer = pq.read_metadata(path)
            for group in range(footer.num_row_groups):
                for place in range(footer.num_columns):
                    column = footer.row_group(group).column(place)
                    columns[column.path_in_schema] += column.total_compressed_size
        print(
            "  "
            + ", ".join(
                f"{name} {count / n_tokens:.2f}" for name, count in columns.most_common() if count > 0.005 * n_tokens
            )
        )
        ratios = f"save {save / pandas_save:.2f} times, read {read / pandas_read:.2f} times"
        print(f"{ratios} pandas' processor time   (at most 1.3)")


def _seconds(action: Callable[[], object]) -> float:
    """Return the shortest processor time of several runs."""
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times)


def _corpus(n_recordings: int) -> sx.Corpus:
    """Return recordings with the words of the samples, and with pauses and confidences as the stand-in sends them."""
    with sx.local_service("scripted", speed=100):
        sample = sx.transcribe("data/samples/manifest.csv", enable_speaker_diarization=True, progress=False).tokens
    rng = np.random.default_rng(0)
    count = n_recordings * TOKENS_PER_RECORDING
    drawn = rng.integers(0, len(sample), count)
    steps = sample["start_ms"].diff().clip(60, 3000).fillna(120).to_numpy(np.int64)[drawn]
    start = np.cumsum(steps.reshape(n_recordings, TOKENS_PER_RECORDING), axis=1).ravel()
    # The confidences of the stand-in hardly repeat, and those of the few samples must not.
    confidence = sample["confidence"].to_numpy(np.float32)[drawn] + rng.normal(0, 0.004, count)
    ids = [f"call-{number:06d}" for number in range(n_recordings)]
    tokens = pd.DataFrame(
        {
            "audio_id": np.repeat(ids, TOKENS_PER_RECORDING),
            "token_index": np.tile(np.arange(TOKENS_PER_RECORDING), n_recordings),
            "text": sample["text"].to_numpy()[drawn],
            "start_ms": start,
            "end_ms": start + 60,
            "confidence": np.clip(confidence, 0, 1).astype(np.float32),
            "speaker": np.where(np.arange(count) // 25 % 2, "2", "1"),
            "language": "en",
        }
    )
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed", "duration_ms": 90_000})
    return sx.Corpus(recordings, conform(tokens, TOKENS))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else MILLIONS)
