"""EAF files of ELAN.

Conventions: an EAF file is XML. Annotations point to time slots, which are whole milliseconds or, between others, have
no time. A tier that depends on another one has `PARENT_REF`, and its annotations may point to those of the other tier
instead of time slots. The speaker of a tier is its `PARTICIPANT`. Annotations of a tier cannot overlap. Source:
https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.file_names import files_to_write
from soniox_ds.files.text_files import read_text
from soniox_ds.io.contents import audio_ids_of
from soniox_ds.io.tiers import Interval, Tier, annotations_of_tiers, tiers_to_write
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema.inputs import Transcribed, Transcripts

__all__ = ["read_eaf", "write_eaf"]

_LAST_MS = 2**31 - 1  # The largest Int32, about 24 days.
_DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@explains_keywords
def read_eaf(
    path: str | Path, *, tiers: str | Collection[str] | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """Read the annotations of an ELAN file.

    Parameters
    ----------
    path
        The file. Its name without the extension is the `audio_id`.
    tiers
        Names of the tiers to read. None reads all tiers that do not depend on another tier, except that it reads only
        one kind of tier of each speaker, so that no text is read twice: the first kind that exists of
        ``Anna - segments``, ``Anna - words``, ``Anna - phones`` and ``Anna - translation de``.
    encoding
        Encoding of the file. None means the encoding that the file declares, and UTF-8 or UTF-16 if it declares none.
        If the file has another encoding, SchemaError is raised, and its message names the line.

    Returns
    -------
    DataFrame
        ``schema.ANNOTATIONS`` and a column `tier` with the name of the tier. There is one row for each annotation that
        has a text, in the order of the file. The speaker is the participant of the tier. If the tier has no
        participant, the speaker is the name of the tier without the ending ``- segments``, ``- words``, ``- phones`` or
        ``- translation de``. An annotation that refers to another annotation has the times of that annotation. A time
        is NA if its time slot has no time. Line breaks in a text become spaces.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read, or if it does not have all tiers named in `tiers`.
    SchemaError
        If the file is not XML or not EAF, or if an annotation is invalid, for example because a time slot is missing or
        because it ends before it starts. The message names the file and the line.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({
    ...     "audio_id": ["talk"], "speaker": ["Anna"], "start_ms": [400], "end_ms": [1200], "text": ["Good morning."]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_eaf(rows, folder)
    ...     sx.io.read_eaf(f"{folder}/talk.eaf")
      audio_id speaker  start_ms  end_ms           text             tier
    0     talk    Anna       400    1200  Good morning.  Anna - segments
    """
    file = Path(path)
    text = read_text(file, "EAF file", encoding or _declared_encoding(file))
    return annotations_of_tiers(file, _Document(file).tiers(text), tiers)


def _declared_encoding(file: Path) -> str | None:
    """Return the encoding that the XML declaration names, or None for UTF-8, UTF-16 and files without a declaration."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        declared = _DECLARED_ENCODING.match(opened.read(200))
    name = "" if declared is None else declared[1].decode("ascii")
    return None if name.lower().startswith("utf") else name or None


class _Document:
    """The content of an EAF file, collected while it is parsed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.slots: dict[str, int | None] = {}
        self.read_tiers: list[tuple[dict[str, str], list[str]]] = []
        self.annotations: dict[str, tuple[int, str, dict[str, str], list[str]]] = {}
        """Line, element, attributes and parts of the text of each annotation."""
        self.parser = ParserCreate()
        self.texts: list[str] | None = None
        """The parts of the text that is being read."""
        self.depth = 0

    def tiers(self, text: str) -> list[Tier]:
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        try:
            self.parser.Parse(text, True)
        except ExpatError as error:
            raise self._error(error.lineno, f"the file is not well-formed XML: {error}") from error
        times: dict[str, tuple[int | None, int | None]] = {}
        for annotation in self.annotations:
            self._resolve(annotation, times)
        return [
            Tier(
                attributes["TIER_ID"],
                [Interval(*times[each], "".join(self.annotations[each][3])) for each in annotations],
                speaker=" ".join(attributes.get("PARTICIPANT", "").split()) or None,
                is_dependent="PARENT_REF" in attributes,
            )
            for attributes, annotations in self.read_tiers
        ]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        if self.depth == 0 and name != "ANNOTATION_DOCUMENT":
            raise self._error(line, f"an EAF file consists of an ANNOTATION_DOCUMENT, found {name[:80]!r}")
        self.depth += 1
        if name == "TIME_SLOT":
            self.slots[self._needed(attributes, "TIME_SLOT_ID", name)] = self._time(line, attributes.get("TIME_VALUE"))
        elif name == "TIER":
            self._needed(attributes, "TIER_ID", name)
            self.read_tiers.append((attributes, []))
        elif name in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
            annotation = self._needed(attributes, "ANNOTATION_ID", name)
            if annotation in self.annotations:
                raise self._error(line, f"the annotation {annotation[:80]!r} is there twice")
            if not self.read_tiers:
                raise self._error(line, f"the annotation {annotation[:80]!r} belongs to no tier")
            keys = ("TIME_SLOT_REF1", "TIME_SLOT_REF2") if name == "ALIGNABLE_ANNOTATION" else ("ANNOTATION_REF",)
            for key in keys:
                self._needed(attributes, key, name)
            self.annotations[annotation] = line, name, attributes, []
            self.read_tiers[-1][1].append(annotation)
        elif name == "ANNOTATION_VALUE" and self.read_tiers and self.read_tiers[-1][1]:
            self.texts = self.annotations[self.read_tiers[-1][1][-1]][3]

    def _end(self, name: str) -> None:
        self.depth -= 1
        if name == "ANNOTATION_VALUE":
            self.texts = None

    def _data(self, text: str) -> None:
        if self.texts is not None:
            self.texts.append(text)

    def _needed(self, attributes: dict[str, str], key: str, element: str) -> str:
        if key not in attributes:
            raise self._error(self.parser.CurrentLineNumber, f"{element} has no {key}")
        return attributes[key]

    def _time(self, line: int, value: str | None) -> int | None:
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) > _LAST_MS:
            raise self._error(line, f"TIME_VALUE must be milliseconds from 0 to {_LAST_MS}, found {value[:80]!r}")
        return int(value)

    def _resolve(self, annotation: str, times: dict[str, tuple[int | None, int | None]]) -> None:
        """Add the times of an annotation, and of the annotations that it refers to, to `times`."""
        chain: dict[str, None] = {}
        while annotation not in times:
            line, element, attributes, _ = self.annotations[annotation]
            if annotation in chain:
                raise self._error(line, f"the annotation {annotation[:80]!r} points to itself")
            chain[annotation] = None
            if element == "ALIGNABLE_ANNOTATION":
                times[annotation] = self._slot_times(line, attributes)
            else:
                parent = attributes["ANNOTATION_REF"]
                if parent not in self.annotations:
                    raise self._error(line, f"there is no annotation {parent[:80]!r}")
                annotation = parent
        times.update(dict.fromkeys(chain, times[annotation]))

    def _slot_times(self, line: int, attributes: dict[str, str]) -> tuple[int | None, int | None]:
        slots = attributes["TIME_SLOT_REF1"], attributes["TIME_SLOT_REF2"]
        for slot in slots:
            if slot not in self.slots:
                raise self._error(line, f"there is no time slot {slot[:80]!r}")
        start_ms, end_ms = self.slots[slots[0]], self.slots[slots[1]]
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            raise self._error(line, "an annotation ends before it starts")
        return start_ms, end_ms

    def _error(self, line: int, problem: str) -> SchemaError:
        return SchemaError(f"{self.path}, line {line}: {problem}.")


@explains_keywords
def write_eaf(transcripts: Transcripts, path: str | Path, *, with_words: bool = True) -> None:
    """Write an ELAN file for each recording, with tiers of segments, words and translations for each speaker.

    The tiers are named ``Anna - segments`` and ``Anna - words``, and the speaker is their participant; without speakers
    they are named ``segments`` and ``words``. Each language of a translation has a tier ``Anna - translation de``, with
    the times of the speech that was translated (`soniox_ds.metrics.translation_pairs`). Annotations of a tier cannot
    overlap in ELAN. Segments or words that overlap others of the same speaker are therefore written to a further tier,
    ``Anna - segments 2``. An annotation of zero length is written with a length of 1 ms. The audio file is linked if
    it is on this machine.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or a table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``),
        which are written without tiers of words.
    path
        The folder to write to; or, for one recording, a file that ends with ``.eaf``.
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
    >>> rows = pd.DataFrame({"audio_id": ["talk"], "start_ms": [400], "end_ms": [1200], "text": ["R&D"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_eaf(rows, folder)
    ...     "<ANNOTATION_VALUE>R&amp;D</ANNOTATION_VALUE>" in Path(folder, "talk.eaf").read_text()
    True
    """
    ids = audio_ids_of(transcripts, "EAF")
    files = files_to_write(ids, path, ".eaf")
    media = _media_files(transcripts)
    for audio_id, _, tiers in tiers_to_write(transcripts, ids, "EAF", with_words=with_words):
        with replacing(files[audio_id]) as beside, beside.open("w", encoding="utf-8", newline="\n") as opened:
            opened.writelines(_document(tiers, media.get(audio_id)))


def _media_files(transcripts: Transcripts) -> dict[str, Path]:
    if not isinstance(transcripts, Transcribed):
        return {}
    known = transcripts.recordings.dropna(subset="source")
    pairs = zip(known["audio_id"].tolist(), known["source"].tolist(), strict=True)
    return {audio_id: Path(source).absolute() for audio_id, source in pairs if Path(source).is_file()}


def _document(tiers: list[Tier], media: Path | None) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield (
        f'<ANNOTATION_DOCUMENT AUTHOR="" DATE="{datetime.now(UTC).isoformat(timespec="seconds")}" FORMAT="3.0" '
        'VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
        '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n'
    )
    if media is not None:
        kind = mimetypes.guess_type(media.name)[0] or "audio/*"
        yield f'<MEDIA_DESCRIPTOR MEDIA_URL={quoteattr(media.as_uri())} MIME_TYPE="{kind}"/>\n'
    yield "</HEADER>\n<TIME_ORDER>\n"
    intervals = [interval for tier in tiers for interval in tier.intervals]
    # Each annotation has two time slots of its own, so that moving it in ELAN moves no other.
    times = np.array([(each.start_ms, each.end_ms) for each in intervals], np.int64).reshape(-1)
    order = np.argsort(times, kind="stable")
    slots = np.empty(len(order), np.int64)
    slots[order] = np.arange(1, len(order) + 1)
    # One text for each list of elements: a generator that yields each element takes half as long again.
    yield "".join(
        [
            f'<TIME_SLOT TIME_SLOT_ID="ts{number}" TIME_VALUE="{time}"/>\n'
            for number, time in enumerate(times[order].tolist(), start=1)
        ]
    )
    yield "</TIME_ORDER>\n"
    pairs = slots.reshape(-1, 2).tolist()
    n_written = 0
    for tier in tiers:
        participant = "" if tier.speaker is None else f" PARTICIPANT={_attribute(tier.speaker)}"
        yield f'<TIER LINGUISTIC_TYPE_REF="{tier.kind}"{participant} TIER_ID={_attribute(tier.name)}>\n'
        of_tier = pairs[n_written : n_written + len(tier.intervals)]
        # No text has a line break, so that all texts can be escaped at once.
        texts = escape(_NOT_IN_XML.sub("", "\n".join([interval.text for interval in tier.intervals]))).split("\n")
        yield "".join(
            [
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{first}" '
                f'TIME_SLOT_REF2="ts{last}"><ANNOTATION_VALUE>{text}'
                "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n"
                for number, ((first, last), text) in enumerate(zip(of_tier, texts, strict=False), start=n_written + 1)
            ]
        )
        n_written += len(of_tier)
        yield "</TIER>\n"
    for type_id in dict.fromkeys(str(tier.kind) for tier in tiers):
        yield f'<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="{type_id}" TIME_ALIGNABLE="true"/>\n'
    yield "</ANNOTATION_DOCUMENT>\n"


def _attribute(text: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("", text))
