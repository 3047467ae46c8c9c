"""Text normalisation before words are compared.

Conventions: a normaliser is a chain of named, versioned steps, and its label ("basic 3") is part of every result that
was computed with it. Every chain composes characters first and after each step (Unicode NFC), so that the same letter
in two spellings is never an error. Steps that need the neighbours of a word (``whisper-english``, your own functions)
get whole texts, never single words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, TypeAlias

from soniox_ds._arguments import did_you_mean
from soniox_ds.exceptions import InputError, SetupError
from soniox_ds.text.characters import (
    APOSTROPHES,
    is_invisible,
    one_spelling,
    without_case,
    without_case_but_dots,
    without_vowel_marks,
)
from soniox_ds.text.jiwer_transforms import is_jiwer_transform, text_function, transform_name, transform_version
from soniox_ds.text.scripts import is_unspaced
from soniox_ds.text.tags import without_tags
from soniox_ds.text.versions import code_version

__all__ = ["NORMALIZERS", "NormalizationStep", "Normalizer", "NormalizerLike"]


@dataclass(frozen=True)
class NormalizationStep:
    """A step: a function from text to text, with the name and the version that appear in results.

    Parameters
    ----------
    name, version
        Raise the version whenever the function's results change.
    function
        Takes a text, returns a text. White space of any kind and length separates words.
    per_word
        True if the form of a word never depends on its neighbours. The step is then applied once to each distinct word,
        and the times of the words are known exactly; otherwise it is applied to whole texts.
    languages
        Functions for texts in certain languages (two-letter codes); `function` is for all others.
    letters
        Functions for languages with special letters; unlike with `languages`, the language of a text may be unknown.
    """

    name: str
    version: str
    function: Callable[[str], str]
    per_word: bool = False
    languages: Mapping[str, Callable[[str], str]] = field(default_factory=dict, compare=False, repr=False)
    letters: Mapping[str, Callable[[str], str]] = field(default_factory=dict, compare=False, repr=False)

    def in_language(self, language: str | None) -> NormalizationStep:
        """Return the step for texts in one language, None for an unknown language."""
        if language is not None and language in self.languages:
            return replace(self, function=self.languages[language], per_word=False, languages={}, letters={})
        if language is not None and language in self.letters:
            return replace(self, function=self.letters[language], languages={}, letters={})
        return replace(self, languages={}) if self.languages else self

    def __call__(self, text: str) -> str:
        if self.languages:
            raise InputError(
                f"the normaliser {self.name!r} depends on the language of the text: sx.Normalizer.of({self.name!r}, "
                f"language={next(iter(self.languages))!r}) has {', '.join(self.languages)}."
            )
        try:
            changed = self.function(text)
        except Exception as error:
            raise InputError(
                f"normalisation step {self.name!r} failed on {text[:80]!r}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(changed, str):
            raise InputError(
                f"normalisation step {self.name!r} must return a string; for {text[:80]!r} it returned {changed!r}."
            )
        return changed if changed.isascii() else unicodedata.normalize("NFC", changed)


NormalizerLike: TypeAlias = "str | Callable[[str], str] | NormalizationStep | Normalizer | Sequence[Any]"


@dataclass(frozen=True)
class Normalizer:
    """A chain of steps. Functions that compare texts accept everything that `Normalizer.of` accepts.

    Parameters
    ----------
    steps
        The steps, in their order. `Normalizer.of` makes them from names and functions.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> basic = sx.Normalizer.of("basic")
    >>> basic("“Don't,” she said - at 7:30 p.m.!"), basic.label
    ("don't she said at 7:30 p m", 'basic 3')
    >>> import re
    >>> def without_titles(text):
    ...     return re.sub(r"\\b(mr|mrs|dr)\\b", "", text)
    >>> chain = sx.Normalizer.of(["basic", sx.NormalizationStep("without-titles", "1", without_titles)])
    >>> chain("Dr. Grey's call"), chain.label
    ("grey's call", 'basic 3 + without-titles 1')
    """

    steps: tuple[NormalizationStep, ...]

    @classmethod
    def of(cls, normalizer: NormalizerLike, *, language: str | None = None) -> Normalizer:
        """Create a normaliser from a name, a function, a step, or a sequence of these.

        With `language`, a two-letter code, it is the normaliser for texts in that language; functions that compare
        recordings determine the language of each.

        The names are

        - ``"none"``: composed characters (NFC) only;
        - ``"basic"``: ``characters``, ``casefold`` and ``punctuation``, for every language and script;
        - ``"characters"``: unifies characters with several spellings (full-width letters, ligatures, Arabic
          presentation forms, digits of any script), and removes characters without sound (soft hyphens, marks of
          direction, emoji selectors, tatweel, joiners that do not separate the letters of a word);
        - ``"casefold"``: removes capitals (full case folding: ``ß`` becomes ``ss``). In Turkish and Azerbaijani ``I``
          is the capital of ``ı`` and ``İ`` that of ``i``; if the language is not known, these four are equal;
        - ``"punctuation"``: replaces punctuation by white space, except an apostrophe between letters (written ``'``),
          marks between digits (``3.5``, ``10,000``, ``7:30``) and signs that are spoken (``% & @ # §`` and
          those of currencies and arithmetic); combining marks, and joiners that shape letters, are kept;
        - ``"vowel-marks"``: removes the vowel marks of Arabic (harakat) and Hebrew (niqqud) only. It is not part of
          ``basic``, because texts that have these marks may be compared with them: ``["vowel-marks", "basic"]``;
        - ``"tags"``: removes names of sounds and gaps that were not said, as in ``["tags", "basic"]``: ``<unk>``,
          ``[noise]``, ``{NS}``, ``(laughs)``, ``&=coughs``, ``SPN``, ``xxx``. Round brackets and asterisks stay unless
          they hold the name of an event or a hesitation (docs/metrics-words.md lists what is known);
        - ``"spoken"``: gives numbers, ordinals, currencies, times, codes and spelling variants one form, however they
          are written (``$15.20``, ``fifteen dollars and twenty cents``), in English, German, Spanish and French;
          texts in other languages go through ``basic``;
        - ``"apostrophes"``: replaces typographic apostrophes by ``'``; put it before ``whisper-english``, which divides
          words at them;
        - ``"whisper-english"``: the normaliser of ASR leaderboards, from the package ``whisper-normalizer``. For
          English only: it removes the marks of other scripts, writes numbers in digits, and turns ``O'Neil`` into ``0
          neil``.

        A function of your own is labelled with its name and a digest of its code, or with its attribute ``version``.
        A transform of jiwer, such as a ``jiwer.Compose``, is labelled with the names of its parts, the version of jiwer
        and a digest of its parameters; with or without ``jiwer.ReduceToListOfListOfWords`` at its end.

        Raises
        ------
        InputError
            If there is no such name, or `normalizer` has another type.
        SetupError
            If ``whisper-normalizer`` is not installed.
        """
        if language is not None:
            return cls.of(normalizer).in_language(language)
        if isinstance(normalizer, Normalizer):
            return normalizer
        if isinstance(normalizer, NormalizationStep):
            return cls((normalizer,))
        if isinstance(normalizer, str):
            if normalizer not in NORMALIZERS:
                raise InputError(
                    f"there is no normaliser {normalizer!r}; pass one of {list(NORMALIZERS)}, or a function."
                    f"{did_you_mean(normalizer, NORMALIZERS)}"
                )
            return NORMALIZERS[normalizer]()
        if callable(normalizer):
            return cls((_step_of(normalizer),))
        if isinstance(normalizer, Sequence):
            return cls(tuple(step for part in normalizer for step in cls.of(part).steps))
        raise InputError(
            f"normalizer must be one of {list(NORMALIZERS)}, a function from text to text, a jiwer transform, or a "
            f"list of these; found {normalizer!r}."
        )

    @property
    def label(self) -> str:
        """The names and versions of the steps, as they appear in results."""
        return " + ".join(f"{step.name} {step.version}" for step in self.steps) or "none 1"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages whose texts are treated differently; empty if the language makes no difference."""
        return tuple(dict.fromkeys(code for step in self.steps for code in step.languages))

    def with_spoken_forms(self) -> Normalizer:
        """Replace the step "basic" by the step "spoken"."""
        spoken = Normalizer.of("spoken").steps
        return Normalizer(tuple(part for step in self.steps for part in (spoken if step.name == "basic" else (step,))))

    @property
    def has_forms_of_languages(self) -> bool:
        """Return True if the language of a text can make a difference."""
        return any(step.languages or step.letters for step in self.steps)

    def in_language(self, language: str | None) -> Normalizer:
        """Return the normaliser for texts in one language, None for an unknown language."""
        steps = tuple(step.in_language(language) for step in self.steps)
        return self if steps == self.steps and not self.languages else Normalizer(steps)

    def __call__(self, text: str) -> str:
        """Normalise a whole text; words are separated by single spaces."""
        text = unicodedata.normalize("NFC", text)
        for step in self.steps:
            text = " ".join(map(step, text.split())) if step.per_word else step(text)
        return " ".join(text.split())


def _step_of(function: Callable[[str], str]) -> NormalizationStep:
    """Return the step of a user's function, or of a transform of jiwer."""
    version = getattr(function, "version", None)
    if is_jiwer_transform(function):
        return NormalizationStep(
            transform_name(function), str(version or transform_version(function)), text_function(function)
        )
    name = getattr(function, "__name__", type(function).__name__)
    return NormalizationStep(name, str(code_version(function) if version is None else version), function)


@cache
def _spoken() -> Normalizer:
    from soniox_ds.text.spoken import SPOKEN_LANGUAGES, fold_spoken

    forms = {language: partial(fold_spoken, language=language) for language in SPOKEN_LANGUAGES}
    return Normalizer(
        (
            NormalizationStep(
                "spoken",
                "2",
                _basic_form,
                per_word=True,
                languages=forms,
                letters=dict.fromkeys(_DOTLESS, _basic_form_with_dotless_i),
            ),
        )
    )


@cache
def _whisper_english() -> Normalizer:
    try:
        from importlib.metadata import version

        from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError as error:
        raise SetupError(
            "the normaliser 'whisper-english' needs a package that is not installed: pip install whisper-normalizer"
        ) from error
    return Normalizer((NormalizationStep("whisper-english", version("whisper-normalizer"), EnglishTextNormalizer()),))


def _per_word(
    name: str, version: str, function: Callable[[str], str], with_dotless_i: Callable[[str], str] | None = None
) -> Normalizer:
    """Return a normaliser that treats each word by itself; it may have another form for languages with the letter ı."""
    letters = {} if with_dotless_i is None else dict.fromkeys(_DOTLESS, with_dotless_i)
    return Normalizer((NormalizationStep(name, version, function, per_word=True, letters=letters),))


def _straight(text: str) -> str:
    return "".join("'" if char in APOSTROPHES else char for char in text)


NORMALIZERS: dict[str, Callable[[], Normalizer]] = {
    "none": lambda: Normalizer(()),
    "basic": lambda: _per_word("basic", "3", _basic_form, _basic_form_with_dotless_i),
    "characters": lambda: _per_word("characters", "1", one_spelling),
    "casefold": lambda: _per_word("casefold", "3", without_case, without_case_but_dots),
    "punctuation": lambda: _per_word("punctuation", "3", without_punctuation),
    "vowel-marks": lambda: _per_word("vowel-marks", "1", without_vowel_marks),
    "tags": lambda: Normalizer((NormalizationStep("tags", "2", without_tags),)),
    "spoken": _spoken,
    "apostrophes": lambda: _per_word("apostrophes", "2", _straight),
    "whisper-english": _whisper_english,
}


def _basic_form(text: str) -> str:
    if text.isascii() and text.isalnum():  # nearly every word of most texts
        return text.lower()
    return without_punctuation(without_case(one_spelling(text)))


_DOTLESS = ("tr", "az")
"""Languages with the letter ı."""


def _basic_form_with_dotless_i(text: str) -> str:
    return without_punctuation(without_case_but_dots(one_spelling(text)))


_SPOKEN_SIGNS = frozenset("%&@#§٪％＆＠＃‰°№")
_WRITTEN_INSIDE_NUMBERS = frozenset(".,:٫٬")
_OVER_VOWELS = frozenset("՛՜՞՟")  # the Armenian marks of emphasis, exclamation and question, which stand inside a word
_SHAPING = frozenset("\u200c\u200d")  # joiner and non-joiner: they shape letters, in Persian and Indic words


@cache
def _place_of(char: str) -> str:
    """Return the treatment of a character: "keep", "space", "nothing", "apostrophe" or "number"."""
    if char in APOSTROPHES:
        return "apostrophe"
    if char in _WRITTEN_INSIDE_NUMBERS:
        return "number"
    if char in _SPOKEN_SIGNS or char in _SHAPING:
        return "keep"
    if is_invisible(char) or char in _OVER_VOWELS:
        return "nothing"
    category = unicodedata.category(char)
    if category.startswith("P") or category in ("Sk", "So", "Cf", "Cc") or char in "|~<>^":
        return "space"
    return "keep"


def without_punctuation(text: str) -> str:
    """Replace punctuation by spaces, as described for ``"punctuation"`` in `Normalizer.of`.

    >>> without_punctuation("Rock-’n’-roll, don’t “stop”; $3.50 (or 5%)…")
    "Rock  n  roll  don't  stop   $3.50  or 5%  "
    """
    if text.isalnum() and APOSTROPHES.isdisjoint(text):  # Unicode classifies some apostrophes as letters
        return text
    kept = []
    for place, char in enumerate(text):
        kind = _place_of(char)
        if kind == "keep":
            kept.append(char)
        elif kind != "nothing":
            before = text[place - 1] if place else " "
            after = text[place + 1] if place + 1 < len(text) else " "
            if kind == "apostrophe" and _is_letter(before) and _is_letter(after):
                kept.append("'")
            elif kind == "number" and before.isdecimal() and after.isdecimal():
                kept.append(char)
            else:
                kept.append(" ")
    return "".join(kept)


@cache
def _is_letter(char: str) -> bool:
    """Return True if an apostrophe beside this character can be part of a word; never in scripts without spaces."""
    return (char.isalpha() or unicodedata.category(char).startswith("M")) and not is_unspaced(char)
