"""Transcript of a live session: settled tokens, pending tokens and segments, folded from its messages.

Conventions: `Transcript` is fed the messages in the order in which they arrived and uses neither network nor clock.
Settled tokens are never changed or removed; pending tokens are replaced by every message. The markers ``<end>`` and
``<fin>`` are not text. Times are milliseconds on the recording's timeline; ``received_ms`` and ``final_ms`` are
milliseconds since the first audio was handed over. The settled tokens do not depend on how they are divided into
messages.

A session that follows a broken one numbers its speakers anew, and it is unknown which of them are the same people. Its
labels are therefore marked: ``"1@2"`` is speaker 1 of the second session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from soniox_ds.exceptions import BadAnswerError
from soniox_ds.live.resume import CLEAR_MS, first_new, resume_at, seam_passed
from soniox_ds.text.scripts import lacks_space

__all__ = ["END", "FIN", "LiveToken", "Segment", "Transcript", "Update", "texts_of"]

END = "<end>"
"""Marker of an endpoint: an utterance is over, and its tokens are settled."""
FIN = "<fin>"
"""Marker that answers a manual finalize."""
_MARK = re.compile(f"({END}|{FIN})")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveToken:
    """A token with the times at which it arrived."""

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None
    speaker: str | None = None
    language: str | None = None
    translation_status: str | None = None
    source_language: str | None = None
    received_ms: float | None = None
    """Time when a message first reached the token's start; None for pending tokens and translations."""
    final_ms: float | None = None
    """Time when the token arrived settled; None for pending tokens."""
    session: int = 0

    @property
    def is_translation(self) -> bool:
        """True if the token is part of a translation, not of the original."""
        return self.translation_status == "translation"


@dataclass(frozen=True, kw_only=True)
class Update:
    """The changes that one message brought."""

    settled: tuple[LiveToken, ...] = ()
    """Tokens settled by this message, translations included, in order; never repeated, never changed."""
    pending: tuple[LiveToken, ...] = ()
    """All pending tokens, which follow the settled ones; the next update replaces them."""
    is_endpoint: bool = False
    is_finalized: bool = False
    is_finished: bool = False
    received_ms: float = 0.0
    session: int = 0
    final_audio_ms: int = 0
    total_audio_ms: int = 0
    channel: int | None = None
    """Number of the channel, from 1; None unless the channels are transcribed separately."""

    @property
    def text(self) -> str:
        """Text of the originals that this message settled, as they were sent: a piece of text with its leading space.

        Where the speaker or the language changes, the service leaves the space out; `Transcript.text` adds it.
        """
        return _as_sent(self.settled)

    @property
    def pending_text(self) -> str:
        """Text of the originals that are still pending, as they were sent."""
        return _as_sent(self.pending)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """An utterance up to an endpoint, with its translation."""

    tokens: tuple[LiveToken, ...]
    translations: tuple[LiveToken, ...] = ()
    is_open: bool = False
    """True while the utterance is going on."""
    in_order: tuple[LiveToken, ...] = field(default=(), repr=False, compare=False)
    """Tokens and translations in the order of their arrival. If empty, all translations follow the tokens."""

    @property
    def text(self) -> str:
        """Text of the utterance, spaced as `soniox_ds.texts` spaces it."""
        return self._texts.original

    @property
    def translation(self) -> str:
        """Text of the translation, spaced alike; empty without a translation."""
        return self._texts.translation

    @property
    def _texts(self) -> Texts:
        return texts_of(self.in_order or (*self.tokens, *self.translations))

    @property
    def start_ms(self) -> int | None:
        """Start of the first token."""
        return min((token.start_ms for token in self.tokens if token.start_ms is not None), default=None)

    @property
    def end_ms(self) -> int | None:
        """End of the last token."""
        return max((token.end_ms for token in self.tokens if token.end_ms is not None), default=None)

    @property
    def speaker(self) -> str | None:
        """Speaker of the first token."""
        return self.tokens[0].speaker if self.tokens else None


@dataclass
class _Held:
    """Tokens and ``<end>`` markers of a new session that may repeat those of the previous session."""

    expected: list[LiveToken]
    settled_end_ms: int
    items: list[LiveToken | str] = field(default_factory=list)

    @property
    def tokens(self) -> list[LiveToken]:
        return [item for item in self.items if isinstance(item, LiveToken)]

    def passed(self, audio_ms: int) -> bool:
        """Return True if the audio so far reaches clearly beyond everything that was settled before."""
        return audio_ms >= self.settled_end_ms + CLEAR_MS


class Texts(NamedTuple):
    """The running text of some tokens, and its translation."""

    original: str
    translation: str


def texts_of(tokens: Sequence[LiveToken]) -> Texts:
    """Join the text of tokens as `soniox_ds.texts` does, adding the spaces that the service leaves out.

    >>> texts_of([LiveToken(text="Yes.", speaker="1"), LiveToken(text="No.", speaker="2")])
    Texts(original='Yes. No.', translation='')
    """
    labels = {(token.speaker, token.language, token.source_language) for token in tokens}
    if len(labels) < 2 and not any(token.is_translation for token in tokens):
        return Texts(" ".join(_as_sent(tokens).split()), "")  # the simple case needs no more
    return _spaced_texts(
        tuple(
            (token.text, token.speaker, token.language, token.translation_status, token.source_language)
            for token in tokens
        )
    )


@lru_cache(maxsize=4096)  # displays request the same utterances at each endpoint
def _spaced_texts(pieces: tuple[tuple[str | None, ...], ...]) -> Texts:
    import pandas as pd

    from soniox_ds.text.words import texts

    names = ["text", "speaker", "language", "translation_status", "source_language"]
    table = pd.DataFrame(pieces, columns=names).astype("string")
    spaced = texts(table.assign(audio_id="live", token_index=range(len(table))))
    by_kind = dict(zip(spaced["translation_status"], spaced["text"], strict=True))
    return Texts(by_kind.get("original", ""), by_kind.get("translation", ""))


def _as_sent(tokens: Iterable[LiveToken]) -> str:
    return "".join(token.text for token in tokens if not token.is_translation)


class Transcript:
    """The state of a live transcription, updated by each message.

    Examples
    --------
    >>> transcript = Transcript()
    >>> update = transcript.fold({"tokens": [{"text": "Turn", "start_ms": 0, "end_ms": 60, "is_final": True},
    ...                                      {"text": " lef", "start_ms": 300, "end_ms": 360, "is_final": False}]},
    ...                          received_ms=700)
    >>> transcript.text, update.pending_text
    ('Turn', ' lef')
    >>> message = {"tokens": [{"text": " left", "start_ms": 300, "end_ms": 360, "is_final": True}, {"text": "<end>"}]}
    >>> _ = transcript.fold(message, received_ms=1400)
    >>> transcript.text, [segment.text for segment in transcript.segments]
    ('Turn left', ['Turn left'])
    """

    def __init__(self) -> None:
        self.settled: list[LiveToken] = []
        """All settled tokens in the order of their arrival, translations included."""
        self.pending: tuple[LiveToken, ...] = ()
        self.final_audio_ms = 0
        """End of the audio that settled tokens cover."""
        self.total_audio_ms = 0
        self.session = 0
        self.ends: list[int] = []
        """Number of settled tokens at each endpoint."""
        self._reached: list[tuple[int, float]] = []  # (start of the furthest token so far, time of its message)
        self._held: _Held | None = None
        self._voices = 0  # number of earlier sessions that settled something
        self._settled_here = False
        self._after_seam = False  # whether this is a later session in which nothing was settled or dropped yet
        self._after_end = False  # whether an utterance has ended and nothing of the next one is settled
        self._untold: list[LiveToken] = []  # settled between two messages; part of the next update
        self._received_ms = 0.0

    # reading ----------------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """Text of all settled originals, spaced as `soniox_ds.texts` spaces it."""
        return texts_of(self.settled).original

    @property
    def segments(self) -> list[Segment]:
        """Utterances of settled tokens, each with the translations that follow it. The last one may be open.

        A translation may arrive after the endpoint of its original. If nothing else was said in between, it belongs to
        that segment.
        """
        utterances: list[tuple[list[LiveToken], bool]] = []
        start = 0
        for end in [*self.ends, len(self.settled)]:
            tokens: list[LiveToken] | None = None
            for token in self.settled[start:end]:
                if token.is_translation and tokens is None and utterances:
                    utterances[-1][0].append(token)
                    continue
                if tokens is None:
                    tokens = []
                    utterances.append((tokens, end == len(self.settled) and end not in self.ends))
                tokens.append(token)
            start = end
        return [
            Segment(
                tokens=tuple(token for token in tokens if not token.is_translation),
                translations=tuple(token for token in tokens if token.is_translation),
                is_open=is_open,
                in_order=tuple(tokens),
            )
            for tokens, is_open in utterances
        ]

    def resume_ms(self) -> int:
        """Return the time from which the next session must get the audio."""
        originals = [token for token in self.settled[-400:] if not token.is_translation]
        return resume_at(originals, self.final_audio_ms)

    # folding ----------------------------------------------------------------------------------------------------------

    def begin_session(self, session: int, offset_ms: int) -> None:
        """Start the next session, whose audio begins at `offset_ms`."""
        self._untold += self._release_held()
        if self._settled_here:
            self._voices += 1
            self._settled_here = False
        self.session = session
        self.pending = ()
        originals = [token for token in self.settled[-400:] if not token.is_translation]
        if originals and session > 0:
            self._after_seam = True
            again = [token for token in originals if token.end_ms is not None and token.end_ms > offset_ms]
            last_end = max((token.end_ms or 0 for token in originals), default=0)
            self._held = _Held(again, last_end)

    def fold(self, message: Mapping[str, Any], *, received_ms: float, session: int = 0, offset_ms: int = 0) -> Update:
        """Process one message of the service.

        Parameters
        ----------
        message
            The JSON object as received.
        received_ms
            Time at which it arrived.
        session, offset_ms
            Number of the connection it came by, and the time at which the audio of that connection begins.

        Raises
        ------
        BadAnswerError
            If the message is not as the API documents it. The transcript is unchanged then.
        """
        finals, tail, marks = self._read(message, received_ms, session, offset_ms)
        final_ms, total_ms = (
            _whole(message.get(name), name, 0) + offset_ms for name in ("final_audio_proc_ms", "total_audio_proc_ms")
        )
        if session != self.session:
            self.begin_session(session, offset_ms)
        self._note_reach([*finals, *tail], received_ms)
        self._received_ms = received_ms
        settled, self._untold = self._untold, []
        self.final_audio_ms = max(self.final_audio_ms, final_ms)
        self.total_audio_ms = max(self.total_audio_ms, total_ms)
        ends = len(self.ends)
        is_finalized = False
        for token, mark in marks:
            if token is not None:
                settled += self._take(token)
            elif mark == END:
                self._end()
            else:
                is_finalized = True
                # If the audio that is sent again has not been processed completely, more repetitions are to come.
                if self._held is not None and total_ms >= self._held.settled_end_ms:
                    settled += self._release_held()
        is_finished = message.get("finished") is True
        if is_finished or (self._held is not None and self._held.passed(final_ms)):
            settled += self._release_held()
        self.pending = tuple(self._shown(tail))
        return Update(
            settled=tuple(settled),
            pending=self.pending,
            is_endpoint=len(self.ends) > ends,
            is_finalized=is_finalized,
            is_finished=is_finished,
            received_ms=received_ms,
            session=session,
            final_audio_ms=self.final_audio_ms,
            total_audio_ms=self.total_audio_ms,
        )

    def close(self) -> Update:
        """Settle the tokens that were held back at a seam, because no message follows."""
        settled, self._untold = [*self._untold, *self._release_held()], []
        self.pending = ()
        return Update(
            settled=tuple(settled),
            received_ms=self._received_ms,
            session=self.session,
            final_audio_ms=self.final_audio_ms,
            total_audio_ms=self.total_audio_ms,
        )

    def _read(
        self, message: Mapping[str, Any], received_ms: float, session: int, offset_ms: int
    ) -> tuple[list[LiveToken], list[LiveToken], list[tuple[LiveToken | None, str]]]:
        tokens = message.get("tokens", [])
        if not isinstance(tokens, Sequence) or isinstance(tokens, str):
            raise BadAnswerError(
                f"a message of the service has tokens of type {type(tokens).__name__}; it must be a list"
            )
        finals: list[LiveToken] = []
        tail: list[LiveToken] = []
        marks: list[tuple[LiveToken | None, str]] = []
        for raw in tokens:
            if not isinstance(raw, Mapping) or not isinstance(raw.get("text"), str):
                raise BadAnswerError(f"a message of the service contains a token without text: {str(raw)[:120]}")
            is_final = raw.get("is_final") is True
            for part in _split_markers(raw):
                if part["text"] in (END, FIN):
                    marks.append((None, part["text"]))
                    continue
                token = _token(part, session, offset_ms, received_ms if is_final else None)
                if is_final:
                    finals.append(token)
                    marks.append((token, ""))
                else:
                    tail.append(token)
        return finals, tail, marks

    def _note_reach(self, tokens: Sequence[LiveToken], received_ms: float) -> None:
        furthest = max((token.start_ms for token in tokens if token.start_ms is not None), default=None)
        if furthest is not None and (not self._reached or furthest > self._reached[-1][0]):
            self._reached.append((furthest, received_ms))

    def _when_reached(self, start_ms: int) -> float | None:
        low, high = 0, len(self._reached)
        while low < high:
            middle = (low + high) // 2
            if self._reached[middle][0] < start_ms:
                low = middle + 1
            else:
                high = middle
        return self._reached[low][1] if low < len(self._reached) else None

    def _take(self, token: LiveToken) -> list[LiveToken]:
        held = self._held
        if held is None:
            return self._settle([token])
        held.items.append(token)
        if not held.expected or (not token.is_translation and seam_passed(held.settled_end_ms, token)):
            return self._release_held()
        return []

    def _end(self) -> None:
        """Note an endpoint; at a seam, hold it back. Endpoints without any settled token are left out."""
        if self._held is not None:
            self._held.items.append(END)
        elif len(self.settled) > (self.ends[-1] if self.ends else 0):
            self.ends.append(len(self.settled))
            self._after_end = True

    def _release_held(self) -> list[LiveToken]:
        """Settle the new ones of the tokens that were held back at a seam."""
        held, self._held = self._held, None
        if held is None:
            return []
        new = {id(token) for token in _behind_seam(held, held.tokens)}
        old_ahead = sum(1 for token in held.tokens if id(token) not in new)
        settled: list[LiveToken] = []
        for item in held.items:
            if isinstance(item, str):
                if not old_ahead:
                    self._end()
            elif id(item) in new:
                settled += self._settle([item])
            else:
                old_ahead -= 1
                self._after_seam = False  # after a repeated token, the service spaces the text itself
        return settled

    def _shown(self, tail: Sequence[LiveToken]) -> list[LiveToken]:
        """Return the pending tokens with those that are held back, and without repetitions."""
        held = self._held
        if held is None:
            return [self._marked(token) for token in tail]
        return [self._marked(token) for token in _behind_seam(held, [*held.tokens, *tail])]

    def _settle(self, tokens: Sequence[LiveToken]) -> list[LiveToken]:
        settled: list[LiveToken] = []
        for token in tokens:
            received = None
            if token.start_ms is not None and not token.is_translation:
                received = self._when_reached(token.start_ms)
            marked = self._marked(replace(token, received_ms=received))
            if (self._after_seam or self._after_end) and not marked.is_translation:
                self._after_seam = self._after_end = False
                if self._glued(marked.text):
                    marked = replace(marked, text=f" {marked.text}")
            settled.append(marked)
        if settled:
            self.settled += settled
            self._settled_here = True
        return settled

    def _glued(self, text: str) -> bool:
        """Return True if the first token of a session or an utterance lacks its leading space."""
        before = next((token.text for token in reversed(self.settled) if not token.is_translation), "")
        return lacks_space(before, text)

    def _marked(self, token: LiveToken) -> LiveToken:
        if self._voices and token.speaker is not None:
            return replace(token, speaker=f"{token.speaker}@{self._voices + 1}")
        return token


def _split_markers(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Split a token that contains a marker and other text, such as "amen.<end>", into one token for each."""
    parts = _MARK.split(raw["text"])
    return [raw] if len(parts) == 1 else [{**raw, "text": part} for part in parts if part.strip()]


def _behind_seam(held: _Held, tokens: Sequence[LiveToken]) -> list[LiveToken]:
    """Remove the tokens that repeat settled ones. A translation is treated like the original before it."""
    window = [token for token in tokens if not token.is_translation and not seam_passed(held.settled_end_ms, token)]
    repeated = {id(token) for token in window[: first_new(held.expected, window)]}
    kept: list[LiveToken] = []
    dropping = bool(repeated)
    for token in tokens:
        if not token.is_translation:
            dropping = id(token) in repeated
        if not dropping:
            kept.append(token)
    return kept


def _token(raw: Mapping[str, Any], session: int, offset_ms: int, final_ms: float | None) -> LiveToken:
    start, end = raw.get("start_ms"), raw.get("end_ms")
    return LiveToken(
        text=raw["text"],
        start_ms=None if start is None else _whole(start, "start_ms") + offset_ms,
        end_ms=None if end is None else _whole(end, "end_ms") + offset_ms,
        confidence=_number(raw.get("confidence")),
        speaker=_label(raw.get("speaker")),
        language=_optional(raw, "language"),
        translation_status=_optional(raw, "translation_status"),
        source_language=_optional(raw, "source_language"),
        final_ms=final_ms,
        session=session,
    )


def _label(value: Any) -> str | None:
    """Return a speaker as a string. Some versions of the service send numbers."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is not int or not 0 <= value < 2**31:
        raise BadAnswerError(f"a message of the service has speaker={_shown(value)}; it must be a string")
    return str(value)


def _whole(value: Any, name: str, default: int | None = None) -> int:
    if value is None and default is not None:
        return default
    if type(value) not in (int, float) or not abs(value) < 2**31:
        raise BadAnswerError(
            f"a message of the service has {name}={_shown(value)}; it must be a number of milliseconds"
        )
    whole: int = round(value)
    return whole


def _number(value: Any) -> float | None:
    """Return a confidence; None if the value is no number, or too large to be stored."""
    if type(value) not in (int, float) or not abs(value) < 1e30:
        return None
    return float(value)


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _optional(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) else None
