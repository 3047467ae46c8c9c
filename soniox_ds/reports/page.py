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

from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError
from soniox_ds.io.atomic_files import replacing
from soniox_ds.io.rttm import read_rttm
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.metrics.words.recording_languages import Languages
from soniox_ds.reports import scores, sections, voices
from soniox_ds.reports.arms import arms
from soniox_ds.reports.elements import Section, note
from soniox_ds.reports.findings import Findings
from soniox_ds.show.markup import visible
from soniox_ds.sources.manifests import read_references
from soniox_ds.text.normalizer import Normalizer

if TYPE_CHECKING:
    import pandas as pd

    from soniox_ds.experiments.results import Comparison

__all__ = ["report"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
_STAND_IN = (
    "These transcripts are not from Soniox. They were made by the local stand-in service on this machine, which has a "
    "small offline recogniser or a script in its place. The figures show that everything works; they say nothing about "
    "Soniox."
)
_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --text: #1d1d1f; --line: #d0d0d4; --soft: #f4f4f6; --link: #00558f;
  --blue: #0072b2 }
@media (prefers-color-scheme: dark) {
  :root { --page: #1b1c1e; --text: #e4e4e6; --line: #46474b; --soft: #27282b; --link: #8cc6f2; --blue: #4aa3df }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1.2rem 4rem; max-width: 62rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", sans-serif }
a { color: var(--link) }
h1 { font-size: 1.7rem; margin: 0 0 .2rem }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
nav { margin: .8rem 0 0; font-size: .92rem }
nav a { margin-right: 1rem; white-space: nowrap }
.note, figcaption, caption { font-size: .88rem; opacity: .82 }
caption { text-align: start; padding: .3rem 0 }
.warning { border: 2px solid #d55e00; border-left-width: .6rem; border-radius: .3rem; padding: .6rem .9rem }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)); gap: .6rem; margin: .8rem 0 }
.facts div { background: var(--soft); border-radius: .4rem; padding: .5rem .8rem }
.facts dt { font-size: .82rem; opacity: .82 }
.facts dd { margin: 0; font-size: 1.12rem; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; font-size: .92rem; width: 100% }
th, td { text-align: start; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
.number { text-align: end; font-variant-numeric: tabular-nums }
td.number { white-space: nowrap }
td:last-child { min-width: 13rem }
td.number:last-child { min-width: 0 }
.aligned { line-height: 1.6; max-width: 60em }
figure { margin: 1rem 0 }
audio { height: 2rem; width: 15rem; max-width: 100% }
pre { background: var(--soft); padding: .7rem .9rem; border-radius: .4rem; overflow-x: auto; font-size: .85rem }
details { margin: .5rem 0 }
@media print { nav, audio { display: none } body { max-width: none } section { break-inside: auto } }
"""


def report(
    corpus: Corpus,
    references: Any = None,
    *,
    path: str | Path = "report.html",
    by: str | Sequence[str] | None = None,
    normalizer: Any = "basic",
    language: Languages = None,
    title: str = "Transcription report",
    recordings: int = 5,
    clips: int = 8,
    turns: pd.DataFrame | str | Path | None = None,
    comparison: Comparison | None = None,
) -> Path:
    """Write one self-contained HTML page about a corpus: its contents, its accuracy, and the places to listen to.

    Parameters
    ----------
    corpus
        A corpus from `transcribe` or `read_corpus`.
    references
        The reference texts, as `word_errors` takes them, or a file for `read_references`; by default the column
        `reference` of the recordings, if there is one. Without references, the page has no error rates.
    path
        The file to write. An existing file is replaced once the new page is complete.
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
        An experiment of `compare` to include: its arms, their differences and terms.

    Returns
    -------
    Path
        The path of the page.

    Raises
    ------
    InputError
        If `corpus` is not a corpus or is empty, no reference belongs to it, `by` names an unknown column, a number is
        below 0, or there are reference turns but no speakers.
    SchemaError
        If the references or turns are not as documented.
    SourceError
        If a file of references cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav"], "status": "completed", "service": "api.soniox.com"})
    >>> tokens = pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Good", " day"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(Corpus(recordings, tokens), path=Path(folder) / "report.html").read_text(encoding="utf-8")
    >>> "Transcription report" in page, "http:" in page.replace("http://www.w3.org", "")
    (True, False)
    """
    given: object = corpus
    if not isinstance(given, Corpus):
        raise InputError(
            f"report takes a Corpus (of sx.transcribe or sx.read_corpus), found {type(given).__name__}; of tables make "
            "one with sx.Corpus(recordings, tokens), of several corpora one with sx.concat; LiveResult has .corpus()."
        )
    if not len(corpus):
        raise InputError("the corpus holds no recordings, so there is nothing to report.")
    if min(recordings, clips) < 0:
        raise InputError(f"recordings and clips are numbers of 0 or more; found {recordings} and {clips}.")
    if isinstance(references, str | Path):
        references = read_references(references)
    errors = alignments = mistaken = None
    if references is not None or ("reference" in corpus.recordings and corpus.recordings["reference"].notna().any()):
        errors = word_errors(corpus, references, normalizer=normalizer, language=language)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # word_errors has warned already
            alignments = align_words(corpus, references, normalizer=normalizer, language=language)
            chain = Normalizer.of(normalizer)
            if errors["neutral_errors"].notna().any() and not chain.languages:
                mistaken = align_words(corpus, references, normalizer=chain.with_spoken_forms(), language=language)
    reference_turns = read_rttm(turns) if isinstance(turns, str | Path) else turns
    groups = None if by is None else [by] if isinstance(by, str) else list(by)
    found = Findings.of(corpus, errors, alignments, groups, mistaken)

    parts = [
        sections.summary(found),
        scores.errors(found),
        sections.places(found, clips),
        sections.recordings(found, recordings),
        scores.confidence(found),
        voices.speakers(found, reference_turns),
        voices.languages(found),
        arms(comparison) if comparison is not None else None,
        sections.failures(found),
        sections.provenance(found),
        sections.conventions(found),
    ]
    target = Path(path)
    _write(target, _page(title, found, [part for part in parts if part]))
    return target


def _page(title: str, found: Findings, parts: Sequence[Section]) -> str:
    """Assemble the page from (id, heading, HTML) of each section."""
    contents = " ".join(f'<a href="#{identifier}">{visible(heading)}</a>' for identifier, heading, _ in parts)
    body = "".join(
        f'<section id="{identifier}" aria-labelledby="{identifier}-title">'
        f'<h2 id="{identifier}-title">{visible(heading)}</h2>{html}</section>'
        for identifier, heading, html in parts
    )
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    stand_in = note(_STAND_IN, strong=True) if found.is_stand_in else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{visible(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{visible(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<header><h1>{visible(title)}</h1>"
        f'{note(f"{found.line} Written {written}.")}{stand_in}<nav aria-label="Contents">{contents}</nav></header>\n'
        f"<main>{body}</main>\n</body>\n</html>\n"
    )


def _write(target: Path, page: str) -> None:
    """Write the page atomically, so that an incomplete page never replaces a complete one."""
    if not target.parent.is_dir():
        raise InputError(f"the folder {str(target.parent)!r} is not there; make it first, or write elsewhere.")
    with replacing(target) as beside:
        beside.write_text(page, encoding="utf-8", errors="replace")
