"""Concordance: a phrase in all recordings, each time with the words around it (key word in context, KWIC)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from soniox_ds._arguments import check_choice, check_number
from soniox_ds._display import clock, direction, isolated, known, render, visible
from soniox_ds._display.colours import speaker_colours
from soniox_ds.metrics.words.phrases import checked_search, find_matches
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.show.listening import Audible, Audio, sounds_of, span

__all__ = ["Concordance", "find"]

_MARGIN_MS = 1500
"""Milliseconds of audio before and after a match."""
_SHOWN = 100
_PRINTED = 20
_SIDE = 38
"""Greatest number of characters on each side of a match in printed text."""


def find(
    transcripts: Transcripts,
    pattern: str,
    *,
    context: int = 5,
    regex: bool = False,
    case: bool = False,
    stream: str = "original",
    audio: Audio = None,
    audio_root: str | Path | None = None,
) -> Concordance:
    """Find every place where a phrase was spoken, with the words around it.

    A phrase matches whole words, in small or capital letters and with any punctuation between them: ``"good morning"``
    finds "Good morning!" and "good, morning", but ``"morning"`` does not find "mornings". Hyphens and apostrophes
    separate words, too, so that ``"twenty one"`` finds "twenty-one". A phrase may go across tokens, segments and
    speakers, but not across recordings, channels, or spoken words and their translation. In scripts without spaces,
    such as Chinese or Thai, it matches any sequence of characters.

    Parameters
    ----------
    transcripts
        A `Corpus`, an opened corpus (which is searched part by part), a `LiveResult`, or a table of words or tokens.
    pattern
        The word or phrase, or the regular expression.
    context
        Number of words before and after the match, 0 or more.
    regex
        True to search for a regular expression (of the package ``regex``, which has all of Python's ``re``) in the
        running text of each recording, punctuation included. A match comprises all words that the expression touches.
    case
        True to distinguish upper and lower case.
    stream
        "original" for the spoken words, "translation" for their translation.
    audio
        Audio files by `audio_id` (paths, or their content as bytes), if the transcripts do not have them or they have
        been moved; or a corpus that has them.
    audio_root
        Folder of relative paths; None for the working directory.

    Returns
    -------
    Concordance
        ``schema.CONCORDANCE``: a DataFrame with a row for each match, in the order of the recordings and words.
        Matches do not overlap. A notebook shows the first 100 below each other, with times and speakers, and plays a
        line when you click on it (by keyboard: the arrows and Enter). The attribute `table` is the ordinary table. To
        judge and correct the matches: ``sx.review(sx.find(corpus, pattern), corpus)``.

    Raises
    ------
    InputError
        If the pattern is empty, is not a regular expression, or, as a phrase, has no letter or digit; or if an option
        is wrong.
    SchemaError
        If a column is absent, or times or confidences are impossible.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> tokens = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(7),
    ...     "text": ["The", " last", " fer", "ry,", " the", " ferry", " sank."],
    ...     "start_ms": range(0, 3500, 500),
    ...     "end_ms": range(400, 3900, 500),
    ... })
    >>> matches = sx.find(tokens, "ferry", context=2)
    >>> matches[["start_ms", "left", "match", "right"]]
       start_ms       left   match       right
    0      1000   The last  ferry,   the ferry
    1      2500  ferry, the  ferry       sank.
    >>> matches
    2 matches of 'ferry' in 1 recording
      0:01 a.wav:   The last [ferry,] the ferry
      0:02 a.wav: ferry, the [ferry] sank.
    """
    check_number(context, "context", whole=True, least=0)
    check_choice(stream, "stream", ("original", "translation"))
    sounds = sounds_of(transcripts, audio, audio_root)
    found = find_matches(transcripts, checked_search(pattern, int(context), regex, case, stream))
    result = Concordance(found)
    result.pattern = pattern
    result._sounds = sounds
    return result


class Concordance(Audible, pd.DataFrame):
    """The matches of `sx.find`: a DataFrame that is shown with the matches below each other."""

    _kind = "Concordance"
    _metadata: ClassVar[list[str]] = ["pattern"]
    pattern: str
    """The phrase or regular expression."""

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame  # Selected rows and columns, and results of other methods, are ordinary tables.

    @property
    def table(self) -> pd.DataFrame:
        """The matches as an ordinary DataFrame."""
        return pd.DataFrame(self)

    def __repr__(self) -> str:
        rows = list(self.iloc[:_PRINTED].itertuples(index=False))
        heads = [
            f"{' '.join(part for part in (clock(row.start_ms), isolated(row.audio_id), _speaker(row)) if part)}:"
            for row in rows
        ]
        lefts = [_ending(visible(row.left)) for row in rows]
        head_width, left_width = (max(map(len, texts), default=0) for texts in (heads, lefts))
        lines = [self._counts()]
        for row, head, left in zip(rows, heads, lefts, strict=True):
            text = f"{left:>{left_width}} [{visible(row.match)}] {_beginning(visible(row.right))}"
            lines.append(f"  {head:<{head_width}} {isolated(text) if direction([text]) == 'rtl' else text.rstrip()}")
        if (more := len(self) - _PRINTED) > 0:
            lines.append(f"  … and {more:,} more; .table is the whole table")
        return "\n".join(lines)

    def _spoken_ids(self) -> list[str]:
        shown = self.iloc[:_SHOWN]
        return [str(name) for name in shown["audio_id"][shown["start_ms"].notna()].unique()]

    def _html(self, *, is_spoken: bool) -> str:
        shown = self.iloc[:_SHOWN]
        numbers = {audio_id: number for number, audio_id in enumerate(self._spoken_ids())}
        colours = speaker_colours(dict.fromkeys(shown["speaker"].dropna()))
        page_direction = direction(shown["match"])
        rows = []
        for row in shown.itertuples(index=False):
            row_direction = direction([row.left, row.match, row.right])
            sides = (row.left, row.right)
            rows.append(
                {
                    "audio_id": row.audio_id,
                    "start_ms": row.start_ms,
                    "number": numbers.get(str(row.audio_id)),
                    "span": span(row.start_ms, row.end_ms, _MARGIN_MS) if is_spoken else "",
                    "speaker": _speaker(row),
                    "colour": colours[row.speaker] if known(row.speaker) else None,
                    # If a line and the page have different directions, the text before the match stands on the other
                    # side.
                    "sides": sides if row_direction == page_direction else sides[::-1],
                    "match": row.match,
                    "direction": row_direction,
                    "language": row.language,
                    "confidence": row.confidence,
                }
            )
        return render(
            "show/templates/concordance.html.j2",
            counts=self._counts(),
            rows=rows,
            direction=page_direction,
            has_speakers=bool(colours),
            more=len(self) - len(shown),
            silence=self._silence(),
        )

    def _counts(self) -> str:
        n_matches, n_recordings = len(self), self["audio_id"].nunique()
        pattern = visible(repr(getattr(self, "pattern", "")))
        if not n_matches:
            return f"No match of {pattern}"
        return (
            f"{n_matches:,} match{'' if n_matches == 1 else 'es'} of {pattern} in {n_recordings:,} "
            f"recording{'' if n_recordings == 1 else 's'}"
        )


def _speaker(row: Any) -> str:
    if not known(row.speaker):
        return ""
    return visible(row.speaker) if known(row.speaker_label) else f"speaker {visible(row.speaker)}"


def _ending(text: str) -> str:
    return text if len(text) <= _SIDE else "…" + text[1 - _SIDE :]


def _beginning(text: str) -> str:
    return text if len(text) <= _SIDE else text[: _SIDE - 1] + "…"
