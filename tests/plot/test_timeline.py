"""The data on the axes of a timeline."""

from __future__ import annotations

from itertools import pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from soniox_ds import plot
from soniox_ds.exceptions import InputError, SchemaError


def turns_of(*rows, audio_id="call.wav"):
    frame = pd.DataFrame(rows, columns=["speaker", "start_ms", "end_ms"])
    return frame.assign(audio_id=audio_id).astype({"start_ms": "Int32", "end_ms": "Int32", "speaker": "string"})


DIALOGUE = turns_of(("2", 0, 600), ("1", 900, 1200), ("2", 1500, 1800))


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def bars(ax):
    return [
        [
            tuple(round(float(x), 3) for x in (path.vertices[:, 0].min(), path.vertices[:, 0].max()))
            for path in row.get_paths()
        ]
        for row in ax.collections
    ]


def test_a_row_of_bars_for_each_speaker_in_the_order_of_first_speaking():
    ax = plot.timeline(DIALOGUE)
    assert bars(ax) == [[(0.0, 0.6), (1.5, 1.8)], [(0.9, 1.2)]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["speaker 2", "speaker 1"]
    assert ax.yaxis_inverted()
    assert (ax.get_xlabel(), ax.get_xlim()) == ("time (s)", (0, 1.8))
    assert ax.get_title(loc="left") == "call.wav"


def test_twelve_speakers_have_twelve_colours():
    turns = turns_of(*((str(number), 1000 * number, 1000 * number + 500) for number in range(12)))
    ax = plot.timeline(turns)
    assert len({tuple(row.get_facecolor()[0]) for row in ax.collections}) == 12


def test_reference_rows_are_above_with_the_colours_of_their_speakers():
    reference = turns_of(("ana", 850, 1250), ("ben", 0, 620), ("ben", 1480, 1900), ("cleo", 2500, 3000))
    ax = plot.timeline(pd.concat([DIALOGUE, turns_of(("3", 600, 640))]), references=reference)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        *(f"{name} (reference)" for name in ("ben", "ana", "cleo")),
        *(f"speaker {name}" for name in ("2", "3", "1")),
    ]
    colours = dict(zip(labels, (to_hex(row.get_facecolor()[0]) for row in ax.collections), strict=True))
    assert colours["speaker 2"] == colours["ben (reference)"]
    assert colours["speaker 1"] == colours["ana (reference)"]
    assert colours["speaker 3"] not in [colours[name] for name in labels if name != "speaker 3"]
    assert ax.get_xlim() == (0, 3.0)
    assert bars(ax)[1] == [(0.85, 1.25)]
    with pytest.raises(InputError, match=r"no reference turns of 'call\.wav'"):
        plot.timeline(DIALOGUE, references=turns_of(("ana", 0, 5), audio_id="other.wav"))


def test_it_draws_where_it_is_told_with_names_and_styles():
    _, axes = plt.subplots(2)
    ax = plot.timeline(DIALOGUE, ax=axes[1], labels={"1": "agent"}, alpha=0.5)
    assert ax is axes[1]
    assert not axes[0].collections
    assert [label.get_text() for label in ax.get_yticklabels()] == ["speaker 2", "agent"]
    assert {row.get_alpha() for row in ax.collections} == {0.5}


def test_neighbouring_speakers_have_different_colours():
    ax = plot.timeline(turns_of(*((str(n), n * 1000, n * 1000 + 500) for n in range(9))))
    colours = [tuple(row.get_facecolor()[0]) for row in ax.collections]
    assert len(set(colours[:7])) == 7
    assert all(one != two for one, two in pairwise(colours))


def test_long_recordings_have_whole_minutes():
    ax = plot.timeline(turns_of(("1", 0, 4_000_000), ("2", 4_000_000, 4_200_000)))
    ax.figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_xticklabels() if label.get_position()[0] >= 0]
    assert shown[:3] == ["0:00:00", "0:10:00", "0:20:00"]
    assert ax.get_xlabel() == "time (h:min:s)"


def test_one_of_several_recordings_must_be_named():
    both = pd.concat([DIALOGUE, turns_of(("7", 0, 50), audio_id="$x$_y.wav")])
    with pytest.raises(InputError, match=r"turns of 2 recordings.*audio_id='call.wav'"):
        plot.timeline(both)
    with pytest.raises(InputError, match=r"no turns of 'z'; the table contains \['call.wav'"):
        plot.timeline(both, audio_id="z")
    ax = plot.timeline(both, audio_id="$x$_y.wav")
    ax.figure.canvas.draw()
    assert bars(ax) == [[(0.0, 0.05)]]


def test_tables_that_cannot_be_drawn():
    with pytest.raises(SchemaError, match="lacks"):
        plot.timeline(DIALOGUE.drop(columns="speaker"))
    with pytest.raises(InputError, match="no turns to draw"):
        plot.timeline(DIALOGUE.iloc[:0])
