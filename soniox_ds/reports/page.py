"""Report about a corpus, as one self-contained HTML page.

Conventions: the page contains everything that it shows. It loads nothing and runs nothing, and its content security
policy forbids both. Every choice that affects a number (normalisation, alignment costs, intervals, blocks) is stated.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soniox_ds._display import render
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError
from soniox_ds.experiments.results import Comparison
from soniox_ds.files.atomic_files import replacing
from soniox_ds.io.rttm import read_rttm
from soniox_ds.live.result import LiveResult
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.metrics.words.recording_languages import Languages
from soniox_ds.reports import accuracy, sections, speakers
from soniox_ds.reports.comparison import arms
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.tables import Section
from soniox_ds.sources.manifests import read_references
from soniox_ds.text.normalizer import Normalizer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ReportPath", "report"]

if TYPE_CHECKING:
    _PathOfSystem = Path
else:
    _PathOfSystem = type(Path())  # Before Python 3.12, a class cannot inherit from Path itself.


class ReportPath(_PathOfSystem):
    """The path of a report that was written. A notebook shows it as a link to the page, with its size."""

    def _repr_html_(self) -> str | None:
        if not self.is_file():
            return None
        return render("reports/templates/link.html.j2", path=self.as_posix(), kilobytes=self.stat().st_size / 1024)


def report(
    corpus: Corpus | LiveResult | Comparison,
    path: str | Path = "report.html",
    references: Any = None,
    *,
    format: str | None = None,
    encoding: str | None = None,
    by: str | Sequence[str] | None = None,
    normalizer: Any = "basic",
    language: Languages = None,
    title: str = "Transcription report",
    recordings: int = 5,
    clips: int = 8,
    turns: pd.DataFrame | str | Path | None = None,
    comparison: Comparison | None = None,
) -> ReportPath:
    """Write one self-contained HTML page about a corpus: its contents, its accuracy, and the places to listen to.

    Parameters
    ----------
    corpus
        A corpus from `transcribe` or `read_corpus`, the result of a live session, or an experiment of `compare`: the
        page is then about its first arm, with a comparison of all arms, and the texts are compared as in the
        experiment.
    path
        The file to write, with the extension ``.html`` or ``.htm``. An existing file is replaced once the new page is
        complete.
    references
        The reference texts, as `word_errors` takes them, or a file or folder for `read_references`; by default the
        column `reference` of the recordings, if there is one. Without references, the page has no error rates.
    format, encoding
        Format and encoding of the file of references, where `read_references` cannot recognise them: the name of a
        format of `sx.io`, such as "seglst", and an encoding, such as "latin-1".
    by
        Metadata columns to group the errors by; by default those with 2 to 12 values, with two recordings or more each.
    normalizer, language
        Normalisation of both texts before they are compared, as in `word_errors`.
    title
        Heading of the page.
    recordings
        Number of the worst recordings to show with their transcripts.
    clips
        Number of the least confident places to show. Each has a few seconds of audio in the page, if the source file
        still exists unchanged.
    turns
        Reference turns for the diarization error rate: ``schema.TURNS``, or an RTTM file.
    comparison
        An experiment of `compare` to include: its arms, their differences, terms and confidences, and with `turns`
        their speakers.

    Returns
    -------
    ReportPath
        The path of the page, a ``pathlib.Path``, which a notebook shows as a link with the size of the file.

    Raises
    ------
    InputError
        If `corpus` is not a corpus or is empty, `path` does not name an HTML file, no reference belongs to the corpus,
        `by` names an unknown column, a number is below 0, there are reference turns but no speakers, or `format` or
        `encoding` is given without a file of references.
    SchemaError
        If the references or turns are not as documented.
    SourceError
        If a file of references cannot be read.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> import tempfile
    >>> import pandas as pd
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav"], "status": "completed", "service": "api.soniox.com"})
    >>> tokens = pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Good", " day"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = sx.report(sx.Corpus(recordings, tokens), f"{folder}/report.html").read_text(encoding="utf-8")
    >>> "Transcription report" in page, "http:" in page.replace("http://www.w3.org", "")
    (True, False)
    """
    target = _target(path)
    if isinstance(corpus, Comparison):
        if references is not None or comparison is not None or language is not None or normalizer != "basic":
            raise InputError(
                "an experiment has its own references, normalizer and language, and is its own comparison; leave these "
                "arguments out, or give a corpus and comparison=."
            )
        comparison, references = corpus, corpus.references
        normalizer, language = corpus.scoring["normalizer"], corpus.scoring["language"]
        corpus = corpus.corpora[corpus.baseline][0]
    if isinstance(corpus, LiveResult):
        corpus = corpus.corpus()
    given: object = corpus
    if not isinstance(given, Corpus):
        raise InputError(
            f"report takes a Corpus (from sx.transcribe or sx.read_corpus), a LiveResult or a Comparison, "
            f"found {type(given).__name__}; make a corpus of tables with sx.Corpus(recordings, tokens), and of "
            "several corpora with sx.concat."
        )
    if not len(corpus):
        raise InputError("the corpus holds no recordings, so there is nothing to report.")
    if min(recordings, clips) < 0:
        raise InputError(f"recordings and clips must be 0 or more; found {recordings} and {clips}.")
    if isinstance(references, str | Path):
        references = read_references(references, format=format, encoding=encoding)
    elif format is not None or encoding is not None:
        raise InputError(
            "format and encoding describe a file of references, but references is "
            f"{'not given' if references is None else f'a {type(references).__name__}'}; give the path of the file."
        )
    errors = alignments = neutral_alignments = None
    if references is not None or ("reference" in corpus.recordings and corpus.recordings["reference"].notna().any()):
        errors = word_errors(corpus, references, normalizer=normalizer, language=language)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # word_errors has warned already
            alignments = align_words(corpus, references, normalizer=normalizer, language=language)
            chain = Normalizer.of(normalizer)
            if errors["neutral_errors"].notna().any() and not chain.languages:
                neutral_alignments = align_words(
                    corpus, references, normalizer=chain.with_spoken_forms(), language=language
                )
    reference_turns = read_rttm(turns) if isinstance(turns, str | Path) else turns
    groups = None if by is None else [by] if isinstance(by, str) else list(by)
    findings = Findings.of(corpus, errors, alignments, groups, neutral_alignments)

    # The name of a section is its id on the page and the name of its template, which holds its heading.
    contents: dict[str, Section | None] = {
        "summary": sections.summary(findings),
        "arms": None if comparison is None else arms(comparison, reference_turns),
        "errors": accuracy.errors(findings),
        "places": sections.places(findings, clips),
        "recordings": sections.recordings(findings, recordings),
        "confidence": accuracy.confidence(findings),
        "speakers": speakers.speakers(findings, reference_turns),
        "languages": speakers.languages(findings),
        "failed": sections.failures(findings),
        "provenance": sections.provenance(findings),
        "conventions": sections.conventions(findings),
    }
    contents["terms"] = sections.terms(contents)
    page = render(
        "reports/templates/page.html.j2",
        title=title,
        description=findings.description,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        is_stand_in=findings.is_stand_in,
        sections={name: values for name, values in contents.items() if values is not None},
    )
    with replacing(target) as beside:  # an incomplete page never replaces a complete one
        beside.write_text(page, encoding="utf-8", errors="replace")
    return ReportPath(target)


def _target(path: Any) -> Path:
    """Return the path of the page, or raise InputError if no page can be written there."""
    if not isinstance(path, str | Path):
        raise InputError(
            f"path is the file to write, such as 'report.html'; found a {type(path).__name__}. References are given by "
            "name: references=."
        )
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"path is the file to write and ends in .html; found {str(path)!r}. A file of references is given by name: "
            f"references={str(path)!r}."
        )
    if not target.parent.is_dir():
        raise InputError(
            f"the folder {str(target.parent)!r} does not exist; create it first, or choose another folder."
        )
    return target
