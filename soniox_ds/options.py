"""What can be asked of the service, under the API's own names, checked before anything is sent.

Conventions: None means "not said", so the service's default holds and nothing is sent; False and an empty list are
sent as they are. Lists are kept as tuples, so that options can be compared and used as keys. All objects are frozen and
take keywords only.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, fields
from typing import Any

from soniox_ds.errors import OptionsError
from soniox_ds.languages import LANGUAGES, suggest_language

__all__ = ["MAX_CONTEXT_CHARACTERS", "Context", "Retry", "TranscriptionOptions", "Translation"]

MAX_CONTEXT_CHARACTERS = 10_000
"""The service's limit (8,000 of the model's tokens, which it states as about 10,000 characters)."""

MAX_PREFIX_CHARACTERS = 128
"""Half of the API's 256 for a reference id; the rest is the job's own key."""

Pairs = Mapping[str, str] | Iterable[tuple[str, str] | Mapping[str, str]]

_WEB_ADDRESS = re.compile(r"https?://\S+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a "token" of RFC 9110
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")

# what other interfaces call the same thing
_OTHER_NAMES = {
    "audio_url": "the recordings themselves are the first argument, URLs included",
    "file_id": "recordings are uploaded for you; hand over paths, URLs or bytes as the first argument",
    "client_reference_id": "each job carries its own; set client_reference_id_prefix to put something in front",
    "api_key": 'it belongs to the connection: set SONIOX_API_KEY, or pass Connection(api_key="...")',
    "diarization": "did you mean enable_speaker_diarization?",
    "diarize": "did you mean enable_speaker_diarization?",
    "speaker_diarization": "did you mean enable_speaker_diarization?",
    "speaker_labels": "did you mean enable_speaker_diarization?",
    "language_detection": "did you mean enable_language_identification?",
    "language_identification": "did you mean enable_language_identification?",
    "language": 'did you mean language_hints=["en"]?',
    "languages": 'did you mean language_hints=["en"]?',
    "language_code": 'did you mean language_hints=["en"]?',
    "terms": 'did you mean context={"terms": [...]}?',
    "vocabulary": 'did you mean context={"terms": [...]}?',
    "prompt": 'did you mean context={"text": "..."}?',
    "text": 'did you mean context={"text": "..."}?',
    "general": 'did you mean context={"general": {...}}?',
    "translation_terms": 'did you mean context={"translation_terms": {...}}?',
    "target_language": 'did you mean translation={"type": "one_way", "target_language": "..."}?',
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the recordings are about, so that rare words are heard right.

    Parameters
    ----------
    general
        Short facts such as domain, topic or names: a dict, or a list of pairs or of ``{"key": ..., "value": ...}``.
    text
        Background in running text.
    terms
        Words and names to recognise, as a list.
    translation_terms
        How terms are to be translated: a dict from source to target, or a list of pairs or of
        ``{"source": ..., "target": ...}``. The service ignores it unless translation is on.

    Raises
    ------
    OptionsError
        If a section is of the wrong kind, or all together are over 10,000 characters. Counted are the characters
        (Unicode code points) of every key, value, text and term, without the punctuation of JSON.

    Examples
    --------
    >>> Context(general={"domain": "Healthcare"}, terms=["Celebrex", "Zyrtec"]).body()
    {'general': [{'key': 'domain', 'value': 'Healthcare'}], 'terms': ['Celebrex', 'Zyrtec']}
    """

    general: Pairs | None = None
    text: str | None = None
    terms: Iterable[str] | None = None
    translation_terms: Pairs | None = None

    def __post_init__(self) -> None:
        _set(self, "general", _pairs(self.general, "context general", ("key", "value")))
        _text(self.text, "context text", None)
        _set(self, "terms", _strings(self.terms, "context terms", '["Celebrex", "Zyrtec"]'))
        _set(
            self, "translation_terms", _pairs(self.translation_terms, "context translation_terms", ("source", "target"))
        )
        sizes = {name: _characters(section) for name, section in self.body().items()}
        total = sum(sizes.values())
        if total > MAX_CONTEXT_CHARACTERS:
            largest = max(sizes, key=lambda name: sizes[name])
            raise OptionsError(
                f"the context has {total:,} characters, {total - MAX_CONTEXT_CHARACTERS:,} more than the "
                f"{MAX_CONTEXT_CHARACTERS:,} that the service takes; the largest section is {largest} with "
                f"{sizes[largest]:,}. Shorten it, or keep the terms that matter most. (Counted are the characters of "
                "all keys, values, texts and terms.)"
            )

    @classmethod
    def of(cls, value: Context | Mapping[str, Any] | str) -> Context:
        """Take a context, or a mapping of its sections; raises OptionsError (for a plain string too)."""
        if isinstance(value, Context):
            return value
        if isinstance(value, str):
            raise OptionsError(
                'context is a single string; write context={"text": "..."} for background in running text or '
                'context={"terms": [...]} for words to recognise'
            )
        return cls(**_known(value, "context", [f.name for f in fields(cls)]))

    def body(self) -> dict[str, Any]:
        """The JSON object of the API."""
        return _without_none(
            {
                "general": _objects(self.general, ("key", "value")),
                "text": self.text,
                "terms": None if self.terms is None else list(self.terms),
                "translation_terms": _objects(self.translation_terms, ("source", "target")),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Translate what is said: all of it into one language, or between two.

    Parameters
    ----------
    type
        ``"one_way"``, with `target_language`; or ``"two_way"``, with `language_a` and `language_b`.

    Raises
    ------
    OptionsError
        If a field is missing or belongs to the other type, a code is unknown, or both languages are the same.

    Examples
    --------
    >>> Translation(type="two_way", language_a="en", language_b="es").body()
    {'type': 'two_way', 'language_a': 'en', 'language_b': 'es'}
    """

    type: str
    target_language: str | None = None
    language_a: str | None = None
    language_b: str | None = None

    def __post_init__(self) -> None:
        needed = {"one_way": ["target_language"], "two_way": ["language_a", "language_b"]}
        if not isinstance(self.type, str) or self.type not in needed:
            raise OptionsError(f'translation type is {self.type!r}; it is "one_way" or "two_way"')
        given = self.body()
        missing = [name for name in needed[self.type] if name not in given]
        surplus = [name for name in given if name != "type" and name not in needed[self.type]]
        if missing or surplus:
            example = {
                "one_way": '{"type": "one_way", "target_language": "es"}',
                "two_way": '{"type": "two_way", "language_a": "en", "language_b": "es"}',
            }
            problems = [f"lacks {' and '.join(missing)}"] * bool(missing) + [
                f"does not take {' and '.join(surplus)}"
            ] * bool(surplus)
            raise OptionsError(f"translation of type {self.type} {' and '.join(problems)}; like {example[self.type]}")
        for name in needed[self.type]:
            _language(given[name], f"translation {name}")
        if self.type == "two_way" and self.language_a == self.language_b:
            raise OptionsError(
                f"translation two_way has {self.language_a!r} on both sides; language_a and language_b differ"
            )

    @classmethod
    def of(cls, value: Translation | Mapping[str, Any]) -> Translation:
        """Take a translation, or a mapping of its fields; raises OptionsError."""
        if isinstance(value, Translation):
            return value
        known = _known(value, "translation", [f.name for f in fields(cls)])
        return cls(**{"type": None, **known})

    def body(self) -> dict[str, Any]:
        """The JSON object of the API."""
        return _without_none({f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class TranscriptionOptions:
    """How recordings are to be transcribed; every option of the API's asynchronous transcription.

    Parameters
    ----------
    model
        Any model for recordings, by name (at most 32 characters).
    language_hints
        Two-letter codes of the languages to expect; others may still be found.
    language_hints_strict
        Keep to the hints (strongly preferred, not guaranteed; best with one hint).
    enable_speaker_diarization, enable_language_identification
        Mark each token with its speaker, with its language.
    translation
        A `Translation`, or a dict of its fields.
    context
        A `Context`, or a dict of its sections.
    webhook_url
        Where the service is to POST when a job is done: http or https, at most 256 characters.
    webhook_auth_header_name, webhook_auth_header_value
        A header that the service adds to that POST; both or neither. The value appears in no repr.
    client_reference_id_prefix
        Put before each job's reference id, at most 128 characters.

    Raises
    ------
    OptionsError
        If an option is wrong, alone or beside another one.

    Examples
    --------
    >>> options = TranscriptionOptions(language_hints=["en"], context={"terms": ["Celebrex"]})
    >>> options.body()
    {'model': 'stt-async-v4', 'language_hints': ['en'], 'context': {'terms': ['Celebrex']}}
    >>> options.hash()
    '7f76ff6fe967f912'
    """

    model: str = "stt-async-v4"
    language_hints: Iterable[str] | None = None
    language_hints_strict: bool | None = None
    enable_speaker_diarization: bool | None = None
    enable_language_identification: bool | None = None
    translation: Translation | Mapping[str, Any] | None = None
    context: Context | Mapping[str, Any] | None = None
    webhook_url: str | None = None
    webhook_auth_header_name: str | None = None
    webhook_auth_header_value: str | None = field(default=None, repr=False)
    client_reference_id_prefix: str | None = None

    def __post_init__(self) -> None:
        self._check_model()
        self._check_hints()
        for name in ("enable_speaker_diarization", "enable_language_identification"):
            _flag(getattr(self, name), name)
        if self.translation is not None:
            _set(self, "translation", Translation.of(self.translation))
        if self.context is not None:
            _set(self, "context", Context.of(self.context))
        self._check_webhook()
        _text(self.client_reference_id_prefix, "client_reference_id_prefix", MAX_PREFIX_CHARACTERS)
        if self.client_reference_id_prefix and not self.client_reference_id_prefix.isprintable():
            raise OptionsError(
                f"client_reference_id_prefix {self.client_reference_id_prefix!r} holds characters that cannot be "
                "printed; use letters, digits and punctuation"
            )

    @classmethod
    def of(cls, **options: Any) -> TranscriptionOptions:
        """Take options by name; a name that is none raises OptionsError with the name that was probably meant."""
        return cls(**_known(options, None, [f.name for f in fields(cls)]))

    def body(self) -> dict[str, Any]:
        """The JSON that goes to the service, without the recording and its reference id."""
        return _without_none(
            {
                "model": self.model,
                **self._shaping(),
                "webhook_url": self.webhook_url,
                "webhook_auth_header_name": self.webhook_auth_header_name,
                "webhook_auth_header_value": self.webhook_auth_header_value,
            }
        )

    def hash(self) -> str:
        """16 hexadecimal digits that are equal where the transcript would be shaped in the same way.

        Covered are hints, flags, translation and context; not the model, the webhook or the reference id. What is off
        is the same as what is not said.
        """
        shaping = {name: value for name, value in self._shaping().items() if value}
        canonical = json.dumps(shaping, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def _shaping(self) -> dict[str, Any]:
        return {
            "language_hints": None if self.language_hints is None else list(self.language_hints),
            "language_hints_strict": self.language_hints_strict,
            "enable_speaker_diarization": self.enable_speaker_diarization,
            "enable_language_identification": self.enable_language_identification,
            "translation": None if self.translation is None else Translation.of(self.translation).body(),
            "context": None if self.context is None else Context.of(self.context).body(),
        }

    def _check_model(self) -> None:
        _text(self.model, "model", 32, needed=True)
        if self.model.startswith("stt-rt-"):
            raise OptionsError(
                f"model {self.model!r} is for live audio; for recordings use {self.model.replace('-rt-', '-async-')!r}"
            )

    def _check_hints(self) -> None:
        hints = _strings(self.language_hints, "language_hints", '["en"]')
        _set(self, "language_hints", hints)
        _flag(self.language_hints_strict, "language_hints_strict")
        for hint in hints or ():
            _language(hint, "language_hints")
        repeated = sorted({hint for hint in hints or () if (hints or ()).count(hint) > 1})
        if repeated:
            raise OptionsError(f"language_hints holds {', '.join(repeated)} more than once; name each language once")
        if self.language_hints_strict and not hints:
            raise OptionsError(
                'language_hints_strict needs something to be strict about: add language_hints=["en"], or leave it out'
            )

    def _check_webhook(self) -> None:
        _text(self.webhook_url, "webhook_url", 256)
        if self.webhook_url is not None and not _WEB_ADDRESS.fullmatch(self.webhook_url):
            raise OptionsError(
                f"webhook_url {self.webhook_url!r} is not an address that starts with http:// or https:// and has no "
                "white space"
            )
        name, value = self.webhook_auth_header_name, self.webhook_auth_header_value
        _text(name, "webhook_auth_header_name", 256)
        _text(value, "webhook_auth_header_value", 256, secret=True)
        if (name is None) != (value is None):
            there, absent = ("name", "value") if value is None else ("value", "name")
            raise OptionsError(f"webhook_auth_header_{there} is given without webhook_auth_header_{absent}; give both")
        if name is not None and self.webhook_url is None:
            raise OptionsError("webhook_auth_header_name is given without webhook_url; give both, or neither")
        if name is not None and not _HEADER_NAME.fullmatch(name):
            raise OptionsError(
                f"webhook_auth_header_name {name!r} cannot name an HTTP header; use letters, digits and hyphens"
            )
        if value is not None and not _HEADER_VALUE.fullmatch(value):
            raise OptionsError(
                "webhook_auth_header_value cannot be the value of an HTTP header: it must be printable ASCII without "
                "line breaks or surrounding spaces (not shown here, as it is a secret)"
            )


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When to ask again after the network or the service failed.

    Parameters
    ----------
    attempts
        Requests in all, the first included.
    wait_s
        Seconds before the second, doubled each time, less up to half by chance; five times as long after a rate limit.
    max_wait_s
        Never longer than this, unless the service itself names a time (``Retry-After``).

    Raises
    ------
    OptionsError
        If a number is out of range.
    """

    attempts: int = 6
    wait_s: float = 1.0
    max_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise OptionsError(f"attempts is {self.attempts!r}; it is a whole number from 1 (which means: never again)")
        for name in ("wait_s", "max_wait_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not (0 <= value < math.inf):
                raise OptionsError(f"{name} is {value!r}; it is a number of seconds, 0 or more")


def _set(of: object, name: str, value: object) -> None:
    object.__setattr__(of, name, value)  # the objects are frozen; this is their construction


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _known(value: Mapping[str, Any], where: str | None, names: list[str]) -> dict[str, Any]:
    """The mapping as keywords, once every key is one of `names`."""
    if not isinstance(value, Mapping):
        raise OptionsError(f"{where} is {value!r}; it is a dict with {', '.join(names)}")
    for key in value:
        if key in names:
            continue
        wrong = str(key)
        near = [name for name in names if name.startswith(wrong)] or difflib.get_close_matches(wrong, names, n=1)
        if where is None and wrong in _OTHER_NAMES:
            advice = _OTHER_NAMES[wrong]
        elif wrong and near:
            advice = f"did you mean {near[0]}?"
        else:
            advice = f"there are {', '.join(names)}"
        raise OptionsError(f"{where or 'transcription'} has no option {wrong!r}; {advice}")
    return dict(value)


def _text(value: object, name: str, longest: int | None, *, needed: bool = False, secret: bool = False) -> None:
    shown = "a value not shown here, as it is a secret" if secret else repr(value)
    if value is None and not needed:
        return
    if not isinstance(value, str):
        raise OptionsError(f"{name} is {shown}; it is a string")
    if needed and not value.strip():
        raise OptionsError(f"{name} is empty; name one, or leave it out for the default")
    if longest is not None and len(value) > longest:
        raise OptionsError(f"{name} has {len(value)} characters, {len(value) - longest} more than the API takes")


def _flag(value: object, name: str) -> None:
    if value is not None and not isinstance(value, bool):
        raise OptionsError(f"{name} is {value!r}; it is True, False or None")


def _strings(value: object, name: str, example: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise OptionsError(f"{name} is {value!r}; it is a list of strings, such as {example}")
    # a set has no order of its own, and equal options must give equal requests
    items = tuple(sorted(value, key=str)) if isinstance(value, Set) else tuple(value)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise OptionsError(f"{name} holds {item!r}; every item is a string that is not empty")
    return items


def _pairs(value: object, name: str, keys: tuple[str, str]) -> tuple[tuple[str, str], ...] | None:
    if value is None:
        return None
    example = f'{{"{keys[0]}": "...", "{keys[1]}": "..."}}'
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise OptionsError(f"{name} is {value!r}; it is a dict, or a list of pairs or of {example}")
    items: Iterable[Any] = value.items() if isinstance(value, Mapping) else value
    pairs = []
    for item in items:
        if isinstance(item, Mapping):
            _known(item, f"an item of {name}", list(keys))
            pair: tuple[Any, ...] = tuple(item.get(key) for key in keys)
        else:
            pair = tuple(item) if isinstance(item, list | tuple) else (item,)
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise OptionsError(f"{name} holds {item!r}; every item is a pair of strings, or {example}")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _objects(pairs: Pairs | None, keys: tuple[str, str]) -> list[dict[str, str]] | None:
    checked = _pairs(pairs, "pairs", keys)
    return None if checked is None else [dict(zip(keys, pair, strict=True)) for pair in checked]


def _characters(section: Any) -> int:
    if isinstance(section, str):
        return len(section)
    parts = section.values() if isinstance(section, dict) else section
    return sum(_characters(part) for part in parts)


def _language(code: object, where: str) -> None:
    if isinstance(code, str) and code in LANGUAGES:
        return
    meant = suggest_language(code) if isinstance(code, str) else None
    if meant:
        advice = f"did you mean {meant!r} ({LANGUAGES[meant]})?"
    else:
        advice = f"the service knows these {len(LANGUAGES)}: {' '.join(sorted(LANGUAGES))}"
    raise OptionsError(f"{where}: {code!r} is not a language code of the service; {advice}")
