"""Speed of the diarization errors of a long meeting, against pyannote.metrics and spy-der.

8,000 reference turns of six speakers with overlap, and as many found ones, shifted, some given to somebody else.
Bound: at least 20 times faster than pyannote.metrics. All three must find the same error rate.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import spyder
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from soniox_ds.metrics.speakers.diarization import diarization_errors

TURNS = 8_000
SPEAKERS = 6
ROUNDS = 5


def meeting(count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the turns of the hypothesis and of the reference."""
    rng = np.random.default_rng(0)
    start = np.cumsum(rng.integers(300, 4_000, count))
    reference = pd.DataFrame(
        {
            "audio_id": "meeting",
            "speaker": [f"person {number}" for number in rng.integers(SPEAKERS, size=count)],
            "start_ms": start,
            "end_ms": start + rng.integers(200, 5_000, count),
        }
    )
    # Turns end where the next turn of the same speaker starts, because pyannote.metrics counts such overlaps twice.
    following = reference.groupby("speaker")["start_ms"].shift(-1).fillna(np.inf)
    reference["end_ms"] = np.minimum(reference["end_ms"], following - 1).astype("int64")
    turns = reference.copy()
    turns[["start_ms", "end_ms"]] += 120
    wrong = rng.random(count) < 0.1
    turns.loc[wrong, "speaker"] = "person 0"
    turns = turns[~turns.duplicated(["speaker", "start_ms"])].sort_values(["speaker", "start_ms"])
    following = turns.groupby("speaker")["start_ms"].shift(-1).fillna(np.inf)
    turns["end_ms"] = np.minimum(turns["end_ms"], following - 1).astype("int64")
    return turns[turns["end_ms"] > turns["start_ms"]], reference[reference["end_ms"] > reference["start_ms"]]


def rows_of(table: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Return the speaker, start and end of each turn, in seconds."""
    columns = table["speaker"], table["start_ms"] / 1000, table["end_ms"] / 1000
    return list(zip(*columns, strict=True))


def annotation(table: pd.DataFrame) -> Annotation:
    """Return the turns as a pyannote annotation."""
    made = Annotation()
    for track, (speaker, start, end) in enumerate(rows_of(table)):
        made[Segment(start, end), track] = speaker
    return made


def main() -> None:
    """Print the times and their ratios."""
    turns, reference = meeting(TURNS)
    first = min(turns["start_ms"].min(), reference["start_ms"].min()) / 1000
    last = max(turns["end_ms"].max(), reference["end_ms"].max()) / 1000
    found, real = annotation(turns), annotation(reference)
    found_rows, real_rows = rows_of(turns), rows_of(reference)

    def ours() -> float:
        return float(diarization_errors(turns, reference)["der"].iloc[0])

    def by_spyder() -> float:
        return float(spyder.DER(real_rows, found_rows, uem=[(first, last)]).der)

    def by_pyannote() -> float:
        return float(DiarizationErrorRate()(real, found, uem=Timeline([Segment(first, last)])))

    times = {}
    rates = {}
    for name, way, rounds in (("ours", ours, ROUNDS), ("spy-der", by_spyder, ROUNDS), ("pyannote", by_pyannote, 1)):
        times[name], rates[name] = timed(way, rounds)
        print(f"{name:<10} {times[name]:8.3f} s   DER {rates[name]:.4f}", flush=True)
    ratio = times["pyannote"] / times["ours"]
    print(f"pyannote.metrics takes {ratio:,.0f} times as long as ours (bound: at least 20)")
    if ratio < 20 or max(rates.values()) - min(rates.values()) > 1e-6:
        raise SystemExit("a bound is broken")


def timed(way: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Return the median time of a call, and its result."""
    times = []
    result = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        result = way()
        times.append(time.perf_counter() - began)
    return statistics.median(times), result


if __name__ == "__main__":
    main()
