"""TextGrid files of Praat.

Conventions: times are seconds. The intervals of a tier cover the whole recording without gaps; those without a text are
empty. Intervals of a tier cannot overlap. In texts, a quotation mark is written twice. In a text file, Praat reads only
free-standing numbers, texts in quotation marks and flags (``<exists>``). It skips all other words, and the rest of a
line after ``!``, so that the long and the short form are read in the same way. Source:
https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.file_names import files_to_write
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import audio_ids_of
from soniox_ds.io.tiers import Interval, Tier, annotations_of_tiers, tiers_to_write
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_textgrid", "write_textgrid"]

_LAST_MS = 2**31 - 1  # The largest Int32, about 24 days.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PART = re.compile(r'"(?P<text>(?:[^"]|"")*+)"|(?P<open>")|(?P<comment>![^\r\n]*)|(?P<word>[^\s"!][^\s"]*)')

_BINARY = b"ooBinaryFile"


@explains_keywords
def read_textgrid(
    path: str | Path, *, tiers: str | Collection[str] | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """Read the intervals and points of a Praat TextGrid.

    Parameters
    ----------
    path
        The file, in Praat's long or short form. Its name without the extension is the `audio_id`.
    tiers
        Names of the tiers to read. None reads all tiers, except that it reads only one kind of tier of each speaker, so
        that no text is read twice: the first kind that exists of ``Anna - segments``, ``Anna - words``,
        ``Anna - phones`` and ``Anna - translation de``. The same holds for tiers without a speaker: ``segments``,
        ``words`` and so on.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, both of which Praat writes, and raises SchemaError for any
        other encoding; the message names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``: one row for each interval or point that has a text, in the order of the file.
        The further column `tier` has the name of the tier. `speaker` is the name of the tier without the ending
        ``- segments``, ``- words``, ``- phones`` or ``- translation de``. A point ends where it starts. Line breaks are
        replaced by spaces.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read, or if it has no tier with one of the given names.
    SchemaError
        If the file is not a TextGrid, or a value is absent or impossible. The message names the file and the line.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({
    ...     "audio_id": ["talk"], "speaker": ["Anna"], "start_ms": [400], "end_ms": [1200], "text": ["Good morning."]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_textgrid(rows, folder)
    ...     sx.io.read_textgrid(f"{folder}/talk.TextGrid")
      audio_id speaker  start_ms  end_ms           text             tier
    0     talk    Anna       400    1200  Good morning.  Anna - segments
    """
    file = Path(path)
    if file.is_file():
        with file.open("rb") as opened:  # Its bytes are no text in any encoding.
            if opened.read(len(_BINARY)) == _BINARY:
                raise SchemaError(
                    f"{file} is a binary TextGrid; save it in Praat as a text file (Save as text file...)."
                )
    return annotations_of_tiers(file, _Values(file, read_text(file, "TextGrid", encoding)).tiers(), tiers)


class _Values:
    """The values of a TextGrid, in the order of the file."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.parts = self._parts()

    def tiers(self) -> list[Tier]:
        first = next(self.parts, (0, "", ""))[2]
        if not first.startswith("ooTextFile"):
            raise self._error(0, 'a TextGrid begins with File type = "ooTextFile"')
        at, kind = self._string("the class of the file")
        if kind != "TextGrid":
            raise self._error(at, f"the file is a {kind!r} and not a TextGrid")
        self._ms("the start of the TextGrid", allows_negative=True)
        self._ms("the end of the TextGrid")
        at, flag = next(((at, word) for at, kind, word in self.parts if kind == "flag"), (len(self.text), ""))
        if flag not in ("<exists>", "<absent>"):
            raise self._error(at, "tiers? must be <exists> or <absent>")
        return [self._tier() for _ in range(self._count("tiers"))] if flag == "<exists>" else []

    def _tier(self) -> Tier:
        at, kind = self._string("the class of a tier")
        if kind not in ("IntervalTier", "TextTier"):
            raise self._error(at, f"the class of a tier must be IntervalTier or TextTier, found {kind[:80]!r}")
        _, name = self._string("the name of a tier")
        self._ms("the start of a tier", allows_negative=True)
        self._ms("the end of a tier")
        intervals = []
        for _ in range(self._count("intervals")):
            at, start_ms = self._ms("the start of an interval", allows_negative=True)
            end_ms = start_ms if kind == "TextTier" else self._ms("the end of an interval")[1]
            text = self._string("the text of an interval")[1]
            if text.strip() and start_ms < 0:
                raise self._error(at, "an interval with a text starts before 0")
            if end_ms < start_ms:
                raise self._error(at, "an interval ends before it starts")
            intervals.append(Interval(start_ms, end_ms, text))
        return Tier(name, intervals)

    def _parts(self) -> Iterator[tuple[int, str, str]]:
        """Yield the place, the kind ("text", "number" or "flag") and the content of each value."""
        for match in _PART.finditer(self.text):
            if (text := match["text"]) is not None:
                yield match.start(), "text", text.replace('""', '"')
            elif match["open"]:
                raise self._error(match.start(), "the quotation mark that begins here has no end")
            elif word := match["word"]:
                if _NUMBER.fullmatch(word):
                    yield match.start(), "number", word
                elif word.startswith("<") and word.endswith(">"):
                    yield match.start(), "flag", word

    def _next(self, wanted: str, name: str) -> tuple[int, str]:
        at, kind, value = next(self.parts, (len(self.text), "end", ""))
        if kind != wanted:
            found = "the file ends" if kind == "end" else f"found {value[:80]!r}"
            raise self._error(at, f"{name} must be a {wanted}{' in quotation marks' * (wanted == 'text')}, {found}")
        return at, value

    def _string(self, name: str) -> tuple[int, str]:
        return self._next("text", name)

    def _ms(self, name: str, *, allows_negative: bool = False) -> tuple[int, int]:
        at, value = self._next("number", name)
        ms = float(value) * 1000
        if not (-_LAST_MS if allows_negative else 0) <= ms <= _LAST_MS:
            raise self._error(at, f"{name}, {value[:80]} s, is {'below 0' if ms < 0 else 'after more than 24 days'}")
        return at, round(ms)

    def _count(self, noun: str) -> int:
        at, value = self._next("number", f"the number of {noun}")
        if not value.isdigit() or len(value) > 9:
            raise self._error(at, f"the number of {noun} must be a whole number, found {value[:80]!r}")
        return int(value)

    def _error(self, at: int, problem: str) -> SchemaError:
        return SchemaError(f"{self.path}, line {len(lines_of_file(self.text[:at]))}: {problem}.")


@explains_keywords
def write_textgrid(transcripts: Transcripts, path: str | Path, *, with_words: bool = True) -> None:
    """Write a Praat TextGrid for each recording, with tiers of segments, words and translations for each speaker.

    The tiers are named ``Anna - segments`` and ``Anna - words``, and without speakers ``segments`` and ``words``. Each
    language of a translation has a tier ``Anna - translation de``, with the times of the speech that was translated
    (`soniox_ds.metrics.translation_pairs`). The intervals of a tier cannot overlap in Praat: segments or words of a
    speaker that overlap others of this speaker are written to a further tier, ``Anna - segments 2``. An interval of no
    length, which Praat does not allow, gets 1 ms.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or a table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``),
        which are written without tiers of words.
    path
        The folder to write to; or, for one recording, a file that ends with ``.TextGrid``.
    with_words
        False to write segments only.

    Raises
    ------
    InputError
        If there is nothing to write, two recordings would be written to the same file, or a file cannot be written.
    SchemaError
        If a column is absent or a time is impossible.

    Warns
    -----
    UserWarning
        If recordings that failed, words without times, or translations of speech without times are left out. Words
        without times are kept in the tiers of segments, if their segment has words with times.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({"audio_id": ["talk"], "start_ms": [400], "end_ms": [1200], "text": ['Say "yes".']})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_textgrid(rows, folder)
    ...     Path(folder, "talk.TextGrid").read_text().splitlines()[-1].strip()
    'text = "Say ""yes""."'
    """
    ids = audio_ids_of(transcripts, "TextGrid")
    files = files_to_write(ids, path, ".textgrid")
    for audio_id, duration_ms, tiers in tiers_to_write(transcripts, ids, "TextGrid", with_words=with_words):
        file = files[audio_id]
        if file.suffix == ".textgrid" and file != Path(path):
            file = file.with_suffix(".TextGrid")
        with replacing(file) as beside, beside.open("w", encoding="utf-8", newline="\n") as opened:
            opened.writelines(_text(tiers, max(duration_ms, 1)))


def _text(tiers: list[Tier], duration_ms: int) -> Iterator[str]:
    end = duration_ms / 1000
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    yield f"xmin = 0\nxmax = {end}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n"
    for number, tier in enumerate(tiers, start=1):
        edges_ms, texts = _covering(tier.intervals, duration_ms)
        edges = [str(edge_ms / 1000) for edge_ms in edges_ms]
        yield f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{_quoted(tier.name)}"\n'
        yield f"        xmin = 0\n        xmax = {end}\n        intervals: size = {len(texts)}\n"
        # One text for each tier: a generator that yields each interval takes half as long again.
        yield "".join(
            [
                f"        intervals [{place}]:\n            xmin = {start}\n            xmax = {end}\n"
                f'            text = "{text}"\n'
                for place, (start, end, text) in enumerate(zip(edges, edges[1:], texts, strict=False), start=1)
            ]
        )


def _covering(intervals: list[Interval], duration_ms: int) -> tuple[list[int], list[str]]:
    """Return the edges of the intervals and of the gaps between them, and their quoted texts, "" in a gap.

    >>> _covering([Interval(0, 300, "a"), Interval(500, 700, 'say "b"')], 900)
    ([0, 300, 500, 700, 900], ['a', '', 'say ""b""', ''])
    """
    edges_ms, texts = [0], []
    before = 0
    for start_ms, end_ms, text in intervals:
        assert start_ms is not None
        assert end_ms is not None
        if start_ms > before:
            edges_ms.append(start_ms)
            texts.append("")
        edges_ms.append(end_ms)
        texts.append(_quoted(text) if '"' in text else text)
        before = end_ms
    if before < duration_ms:
        edges_ms.append(duration_ms)
        texts.append("")
    return edges_ms, texts


def _quoted(text: str) -> str:
    return text.replace('"', '""')
