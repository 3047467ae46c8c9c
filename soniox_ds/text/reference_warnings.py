"""Warnings about references that hold tags or placeholders.

Conventions: see `soniox_ds.text.tags`. A placeholder replaces a whole reference that nobody wrote: ``-``, ``n/a``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

import regex

from soniox_ds._caller import warn_caller
from soniox_ds.text.normalizer import Normalizer
from soniox_ds.text.tags import FLAGS, UNINTELLIGIBLE, may_hold_tags, tag_pattern, tags_in, without_tags

__all__ = ["warn_of_tags", "warn_of_unsaid"]

_UNKNOWN = regex.compile(rf"\W*(?:{UNINTELLIGIBLE}|www)\b.*", FLAGS)
_PLACEHOLDERS = regex.compile(
    r"(?i:n/a|n\.a\.?|unk|xxx|yyy|www|tbd|todo|inaudible|unintelligible|untranscribed|no[ _-]transcript(?:ion)?|"
    r"not[ _-]transcribed|ignore_time_segment_in_scoring)\.?|#N/A|NA|<NA>|nan|NaN|None|null|NULL"
)
_SHOWN = 5
_LOOKED_AT = 1000


class Lines(Protocol):
    """The words of several texts, end to end."""

    @property
    def words(self) -> Any: ...

    @property
    def counts(self) -> Any:
        """Number of words of each text."""


def warn_of_unsaid(references: Lines, normalizer: Normalizer) -> None:
    """Warn about tags that the normaliser turns into words, and about references that are placeholders."""
    warn_of_tags(references, normalizer)
    _warn_of_placeholders(references)


def warn_of_tags(references: Lines, normalizer: Normalizer) -> None:
    """Warn about the tags in references that the normaliser turns into words."""
    takes_out_tags = any(step.name == "tags" for step in normalizer.steps)
    if takes_out_tags or not may_hold_tags(" ".join(set(references.words))):
        return
    tags: Counter[tuple[str, str]] = Counter()
    for text in _texts(references):
        tags.update(tags_in(text))
    bound = normalizer.in_language(None)
    kept = {tag: count for (tag, speech), count in tags.most_common(_LOOKED_AT) if bound(tag) != bound(speech)}
    if kept:
        alone = len(normalizer.steps) == 1 and normalizer.steps[0].name in ("basic", "spoken")
        step = f'["tags", "{normalizer.steps[0].name}"]' if alone else '["tags", ...] before the other steps'
        warn_caller(
            f"the references contain the tags {_listing(kept)}. They are not speech, but {normalizer.label!r} counts "
            f"them as words. The step 'tags' removes them: normalizer={step}.",
            UserWarning,
        )


def _warn_of_placeholders(references: Lines) -> None:
    """Warn about references that are placeholders."""
    texts = Counter(_texts(references, most_words=3))  # placeholders are short
    placeholders = {text: count for text, count in texts.items() if _is_placeholder(text)}
    if placeholders:
        warn_caller(
            f"some references are only placeholders: {_listing(placeholders)}. No normalizer can turn them into "
            "transcripts, so every recognised word counts as an error. If a recording was never transcribed, set "
            f"its reference to NA to leave it out: references.replace({list(placeholders)[:_SHOWN]}, pd.NA). If "
            'nothing was said in it, set the reference to "".',
            UserWarning,
        )


def _is_placeholder(text: str) -> bool:
    if _PLACEHOLDERS.fullmatch(text):
        return True
    rest = without_tags(text)
    if any(char.isalnum() for char in rest):
        return False
    tags = [match[0] for match in tag_pattern().finditer(text)]
    if any(char.isalnum() for tag in tags for char in tag):
        return any(map(_UNKNOWN.fullmatch, tags))
    return bool(text)


def _texts(references: Lines, most_words: float = math.inf) -> Iterator[str]:
    """Yield the texts that have words, but no more than `most_words`."""
    begin = 0
    for count in references.counts.tolist():
        if 0 < count <= most_words:
            yield " ".join(references.words[begin : begin + count])
        begin += count


def _listing(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: -item[1])
    more = f" and {len(most) - _SHOWN} more kinds" if len(most) > _SHOWN else ""
    return ", ".join(f"{text!r} ({count})" for text, count in most[:_SHOWN]) + more
