"""Experiments: the same recordings transcribed under several options, and the difference between the results.

Conventions: an arm is a set of transcription options, a finished corpus, or a function (``other_arms``). All arms get
the same recordings, in turn (``schedule``). Every transcription by the service is an ordinary job, journalled and
resumable: running an experiment again costs nothing. With repeats, each arm is transcribed several times, which shows
how much the service varies by itself; a finished corpus counts in every repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Unpack, cast

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds._display import duration_text
from soniox_ds.api.budget import REQUESTS_PER_MINUTE
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.connections import ConnectionPool
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import ASYNC_USD_PER_HOUR, cost_usd, price_text
from soniox_ds.batch.arguments import check_count
from soniox_ds.batch.checks import warn_of_channels
from soniox_ds.batch.jobs import job_key
from soniox_ds.batch.journal import Journal
from soniox_ds.batch.limits import CONCURRENCY, Limits
from soniox_ds.batch.model_changes import warn_of_models, warn_of_same_models
from soniox_ds.batch.pipeline import transcribe_as
from soniox_ds.batch.prepare import has_outcome
from soniox_ds.batch.spending import Spending
from soniox_ds.batch.webhook_receiver import WebhookReceiver, check_webhook, listening
from soniox_ds.corpus.corpus import Corpus, concat
from soniox_ds.exceptions import Declined, InputError, OptionsError
from soniox_ds.experiments.other_arms import (
    Arm,
    check_function,
    in_recordings,
    matched_corpus,
    transcribe_with,
    warn_of_failures,
)
from soniox_ds.experiments.results import Comparison
from soniox_ds.experiments.schedule import in_turns, inspected, planned_pairs, refuse_unusable
from soniox_ds.metrics.stats.bootstrap import METHODS, checked_resampling
from soniox_ds.metrics.terms.search import aligned_words, checked_terms, units_of
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.pairing import Pairs, References
from soniox_ds.metrics.words.recording_languages import Languages, in_one_language
from soniox_ds.options import TranscriptionOptions
from soniox_ds.options.keywords import NoKeywords, check_keywords, list_options
from soniox_ds.options.transcription import TranscriptionKeywords
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.sources.recording import RecordingList, copied
from soniox_ds.sources.search import find_recordings
from soniox_ds.text.normalizer import Normalizer
from soniox_ds.text.reference_warnings import warn_of_unsaid

__all__ = ["Estimate", "compare"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The largest cost of an experiment. Outcomes that the journal holds already cost nothing."""

    recordings: int
    arms: int
    """Number of arms that the service transcribes. Finished corpora and functions are not counted."""
    repeats: int
    hours: float
    """Hours of audio for one arm and repeat, without recordings of unknown length."""
    unknown: int
    """Number of recordings whose length is not known before they are transcribed: URLs."""
    channel_hours: float = 0.0
    """Hours that arms with ``channels="separate"`` add for one repeat, because each channel is billed."""

    @property
    def cost_usd(self) -> float:
        """Cost at the list price, without the recordings of unknown length."""
        return cost_usd((self.hours * self.arms + self.channel_hours) * 3_600_000) * self.repeats

    def __str__(self) -> str:
        lengths = (
            [duration_text(3_600_000 * self.hours)] if self.unknown < self.recordings or not self.recordings else []
        )
        more_channels = ""
        if self.channel_hours:
            more_channels = f", {duration_text(3_600_000 * self.channel_hours)} more for separate channels"
        more = ", without those of unknown length" if lengths and self.unknown else ""
        price = f"{price_text(self.cost_usd, at_most=True)}{more}, at" if lengths else "at"
        if self.unknown:
            lengths.append(f"{self.unknown} of unknown length")
        return (
            f"{self.recordings} recordings ({', '.join(lengths)}) x {self.arms} arms x {self.repeats} repeats"
            f"{more_channels}: {price} ${ASYNC_USD_PER_HOUR:.2f} an hour"
        )


async def compare(
    sources: Any,
    references: References = None,
    *,
    arms: Mapping[str, Mapping[str, Any] | Corpus | Callable[[str], Any]],
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    terms: Iterable[str] | None = None,
    distractors: Iterable[str] = (),
    repeats: int = 1,
    seed: int = 0,
    normalizer: Any = "basic",
    language: Languages = None,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    confirm: Callable[[Estimate], bool] | None = None,
    connection: Connection | Iterable[Connection] | None = None,
    concurrency: int = CONCURRENCY,
    requests_per_minute: float = REQUESTS_PER_MINUTE,
    limits: Limits | None = None,
    max_cost_usd: float | None = None,
    journal: str | Path | None = None,
    progress: bool | Callable[[Snapshot], object] | None = None,
    timeout_s: float | None = None,
    webhook: WebhookReceiver | None = None,
    clock: Clock | None = None,
    **unknown: Unpack[NoKeywords],
) -> Comparison:
    """Transcribe the same recordings under each arm's options and compare the results, also with other providers.

    Parameters
    ----------
    sources
        As `transcribe` takes them.
    references
        As `word_errors` takes them; None for the sources' own column or sidecars.
    arms
        Mapping from names to arms. The first arm is the baseline that the others are compared with. An arm is one of:

        - a dict of transcription options, such as ``{}`` or ``{"context": {"terms": terms}}``, for the service;
        - a `Corpus` of finished transcripts, such as that of another provider (`sx.io.read_transcripts`). Its ids are
          matched to the recordings as those of references are. A recording that it lacks is a failed row;
        - a function that transcribes one recording, such as a local model. It is called in a thread with the path of
          one recording after the other (a str), and returns the text, a list of words, or a `Corpus` of the one
          recording. A word is a dict with `text` and any of `start_ms`, `end_ms` (whole milliseconds), `confidence`
          (0 to 1), `speaker`, `language` and `channel`. Words are separated by spaces, unless a text in the list begins
          or ends with a space. An exception of the function makes a failed row with its message.

        The cost of corpora and functions is NA, and the estimate counts only the other arms. Results of functions are
        not in the journal: save ``trial.corpora[name][0]`` to use them again as an arm.
    audio_column, id_column, reference_column
        Columns of a table or manifest that hold the audio, the ids and the reference text, if they have unusual names.
    audio_root
        Folder, also of an object store, to which relative file names in a manifest, table or list refer; by default the
        folder of the manifest, or the working directory.
    storage_options
        As in `transcribe`.
    terms
        Words and names that matter; by default all terms of the arms' contexts. If normalisation makes several terms
        equal, the first is kept.
    distractors
        Terms in the context of some arm that nobody says, to see whether that arm inserts them.
    repeats
        Number of times that each arm is transcribed, to see how much the service varies by itself. Functions are called
        as often; a corpus has one transcript of each recording, which counts in every repeat.
    seed
        Seed of the order of the arms, and of the bootstrap.
    normalizer, language, block, ci
        As in `word_errors` and `summarize`. Another `block` can be chosen afterwards:
        ``trial.with_block("audio_id")``.
    confirm
        Called with an `Estimate` before anything is sent. If it returns False, `Declined` is raised.
    max_cost_usd
        As in `transcribe`, for all arms and repeats together. If it is reached, some arms lack recordings; an
        `Estimate` (see `confirm`) tells beforehand what the whole experiment may cost.
    connection, concurrency, requests_per_minute, limits, journal, progress, timeout_s, clock
        As in `transcribe`.
    webhook
        As in `transcribe`: one receiver for all arms and repeats.

    Returns
    -------
    Comparison

    Raises
    ------
    OptionsError
        If there are fewer than two arms, an option is wrong, or a function cannot be called with one path; before
        anything is sent.
    InputError, SchemaError
        If there are no references, none belongs to a recording, a table lacks a column or `block` names no column; if
        no transcript of an arm's corpus belongs to a recording, or its ids could mean several recordings; if
        `term_errors` does not accept the terms and distractors (two are equal after normalisation, or one is empty).
        These errors come before any file is read, confirmed or sent.
    SourceError
        If none of the recordings can be read; before `confirm` is called.
    Declined
        If `confirm` returns False.
    Others
        As `transcribe` and `word_errors` raise.

    Warns
    -----
    UserWarning
        Before `confirm` is called: if only some of the recordings have a reference, or if some references belong to no
        recording, contain tags that the normaliser turns into words, or are placeholders.
    ModelWarning
        If arms that name different models are answered by the same one (an alias): before `confirm` is called, or
        afterwards if all transcripts came from the journal. Also if transcripts from the journal were made by another
        model than the one that the model's name stands for now.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted", speed=100):
    ...     trial = sx.compare(
    ...         sx.io.samples_folder() / "clinic_note.flac",
    ...         {"clinic_note.flac": "the patient takes lisinopril"},
    ...         arms={"plain": {}, "terms": {"context": {"terms": ["lisinopril"]}}},
    ...     )
    >>> trial.summary[["arm", "recordings"]]
         arm  recordings
    0  plain           1
    1  terms           1

    Arms of other providers: a function, and the JSON of Deepgram.

    >>> words = [{"word": word, "start": 0.5, "end": 0.9, "confidence": 0.9} for word in ("takes", "lisinopril")]
    >>> channels = [{"alternatives": [{"words": words}]}]
    >>> document = {"metadata": {"duration": 5.0}, "results": {"channels": channels}}
    >>> with sx.local_service("scripted", speed=100):
    ...     trial = sx.compare(
    ...         sx.io.samples_folder() / "clinic_note.flac",
    ...         {"clinic_note.flac": "the patient takes lisinopril"},
    ...         arms={
    ...             "soniox": {},
    ...             "function": lambda path: "the patient takes listen april",
    ...             "deepgram": sx.io.read_transcripts({"clinic_note.flac": document}, provider="deepgram"),
    ...         },
    ...     )
    >>> trial.summary[["arm", "substitutions", "deletions", "insertions"]].tail(2)
            arm  substitutions  deletions  insertions
    1  function              1          0           1
    2  deepgram              0          2           0
    """
    if options := [name for name in unknown if name in TranscriptionKeywords.__optional_keys__]:
        raise OptionsError(f"compare does not accept {', '.join(options)}; put transcription options into the arms")
    check_keywords(compare, unknown)
    chosen: dict[str, Arm] = _checked_arms(arms, repeats)
    of_service = {name: arm for name, arm in chosen.items() if isinstance(arm, TranscriptionOptions)}
    pool = None if connection is None else ConnectionPool.of(connection)
    for arm in of_service.values():
        check_webhook(webhook, arm)
    if webhook is not None:
        journal = webhook.journal_of_run(journal)
    settings: dict[str, Any] = {
        "connection": pool,
        "concurrency": concurrency,
        "requests_per_minute": requests_per_minute,
        "limits": limits,
        "spending": Spending(max_cost_usd),
        "journal": journal,
        "timeout_s": timeout_s,
        "webhook": webhook,
        "clock": clock,
    }
    chain = Normalizer.of(normalizer)  # raises its errors before anything is paid for
    distractors = _listed("distractors", distractors)
    listed = None if terms is None else _listed("terms", terms)
    checked_resampling(ci, METHODS[0], 10_000, seed)
    recording_list = await asyncio.to_thread(
        find_recordings,
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
    )
    pairs = planned_pairs(recording_list, references, block)
    hints = {hint for options in of_service.values() for hint in options.language_hints or ()}
    term_chain = in_one_language(chain, pairs, language, hint=hints.pop() if len(hints) == 1 else None)
    all_terms = _terms_of(of_service, distractors, term_chain) if listed is None else listed
    if all_terms or distractors:
        await asyncio.to_thread(_check_terms, pairs, all_terms, distractors, term_chain)
    chosen = {
        name: matched_corpus(name, arm, recording_list) if isinstance(arm, Corpus) else arm
        for name, arm in chosen.items()
    }
    estimate = await asyncio.to_thread(_estimate, recording_list, list(of_service.values()), repeats)
    if not all(options.channels == "separate" for options in of_service.values()):
        warn_of_channels(recording.warnings for recording in recording_list.recordings)
    if not all(isinstance(arm, Corpus) for arm in chosen.values()):
        refuse_unusable(recording_list, estimate.recordings)
        _warn_of_unreferenced(recording_list, pairs)
    warn_of_unsaid(pairs.references, chain)
    models = ModelList()
    asked = {name: options.model for name, options in of_service.items()}
    if len(set(asked.values())) > 1 and await _sends_anything(
        recording_list, of_service, repeats, ConnectionPool.of(pool), journal
    ):
        models.ask_at(*ConnectionPool.of(pool).connections)
        warn_of_same_models(asked, {name: {await models.resolved(model)} for name, model in asked.items()})
    if confirm is not None and not confirm(estimate):
        raise Declined(f"the experiment was not started: {estimate}")
    async with listening(webhook if of_service else None):
        parts = await _transcribe_all(
            recording_list, chosen, repeats, seed, models, progress=progress, settings=settings
        )
    corpora = {name: [concat(stretches) for stretches in parts[name]] for name in chosen}
    await _warn_of_models(asked, {name: corpora[name] for name in of_service}, models)
    return Comparison(
        arms=chosen,
        corpora=corpora,
        references=references,
        terms=all_terms,
        distractors=distractors,
        normalizer=normalizer,
        language=language,
        block=block,
        ci=ci,
        seed=seed,
    )


list_options(compare, TranscriptionOptions, names=())


def _checked_arms(arms: Mapping[str, Any], repeats: int) -> dict[str, Arm]:
    if not isinstance(arms, Mapping) or len(arms) < 2:
        raise OptionsError('arms maps two or more names to options, like {"plain": {}, "terms": {"context": {...}}}')
    check_count("repeats", repeats, "the number of times that each arm is transcribed")
    chosen: dict[str, Arm] = {}
    of_service: dict[str, TranscriptionOptions] = {}
    for name, arm in ((str(name), arm) for name, arm in arms.items()):
        if isinstance(arm, Mapping):
            chosen[name] = of_service[name] = TranscriptionOptions(**arm)
        elif isinstance(arm, Corpus):
            chosen[name] = arm
        elif callable(arm):
            check_function(name, arm)
            chosen[name] = arm
        else:
            raise OptionsError(
                f"arm {name!r} is {arm!r}; it is a dict of transcription options ({{}} for none), a Corpus of finished "
                "transcripts, or a function that transcribes the file at a path"
            )
    same = [
        f"{first} and {second}"
        for number, (first, options) in enumerate(of_service.items())
        for second, other in list(of_service.items())[number + 1 :]
        if (options.model, options.hash()) == (other.model, other.hash())
    ]
    if same:
        raise OptionsError(
            f"arms {', '.join(same)} have the same options; to see how much the service varies from call to call, use "
            "repeats="
        )
    return chosen


def _check_terms(pairs: Pairs, terms: list[str], distractors: list[str], chain: Normalizer) -> None:
    """Check the terms against the references' words, with the errors that `term_errors` would raise."""
    words = iter(pairs.references.words)
    references = {
        audio_id: " ".join(islice(words, count))
        for audio_id, count in zip(pairs.ids, pairs.references.counts.tolist(), strict=True)
    }
    if references:
        aligned = aligned_words(align_words(dict.fromkeys(references, ""), references, normalizer=chain))
        checked_terms(terms, distractors, aligned, chain, "mixed")


def _warn_of_unreferenced(recording_list: RecordingList, pairs: Pairs) -> None:
    good = [recording.audio_id for recording in recording_list.recordings if recording.error_type is None]
    with_reference = len(set(pairs.ids).intersection(good))
    if good and not with_reference:
        raise InputError(
            f"none of the {len(good)} recordings that can be transcribed has a reference, so the arms could not be "
            "compared."
        )
    if with_reference < len(good):
        warn_caller(
            f"{with_reference} of {len(good)} recordings have a reference; the others would be transcribed and paid "
            "for in every arm, but count in no error rate. Leave them out of the sources to save their cost.",
            UserWarning,
        )


async def _sends_anything(
    recording_list: RecordingList,
    arms: Mapping[str, TranscriptionOptions],
    repeats: int,
    pool: ConnectionPool,
    journal: str | Path | None,
) -> bool:
    """Return True if the journal may lack the outcome of a job. The recordings have been inspected before."""
    if any(options.divides for options in arms.values()):
        return True  # The parts of the recordings are known only when they are prepared.
    if len(pool.by_region) > 1:
        return True
    audios = [recording.audio_key for recording in recording_list.recordings if recording.error_type is None]
    keys = {
        job_key(audio, options.job_hash(), options.model, pool.service, repeat)
        for audio in audios
        if audio is not None
        for options in arms.values()
        for repeat in range(repeats)
    }
    async with Journal.using(journal) as book:
        known = await book.known(sorted(keys))
    return not all(key in known and has_outcome(known[key]) for key in keys)


async def _warn_of_models(asked: Mapping[str, str], corpora: Mapping[str, Sequence[Corpus]], models: ModelList) -> None:
    """Warn of arms whose journalled transcripts came from the same model, and of superseded models."""
    if not asked:
        return
    recordings = {name: pd.concat([corpus.recordings for corpus in repeats]) for name, repeats in corpora.items()}
    if not models.was_asked:
        done = {name: table[table["status"] == "completed"] for name, table in recordings.items()}
        made_by = {name: set(table["resolved_model"].dropna()) for name, table in done.items()}
        warn_of_same_models(asked, made_by)
    for model in dict.fromkeys(asked.values()):
        of_model = [table for name, table in recordings.items() if asked[name] == model]
        await warn_of_models(models, model, pd.concat(of_model))


def _estimate(recording_list: RecordingList, arms: Sequence[TranscriptionOptions], repeats: int) -> Estimate:
    """Estimate from the lengths in the headers. Unusable recordings cost nothing."""
    good = inspected(recording_list, limited=not any(options.divides for options in arms))
    known = [recording for recording in good if recording.duration_ms is not None]
    n_separate = sum(options.channels == "separate" for options in arms)
    more_ms = sum((recording.duration_ms or 0) * ((recording.channels or 1) - 1) for recording in known)
    return Estimate(
        recordings=len(good),
        arms=len(arms),
        repeats=repeats,
        hours=sum(recording.duration_ms or 0 for recording in known) / 3_600_000,
        unknown=len(good) - len(known),
        channel_hours=more_ms * n_separate / 3_600_000,
    )


async def _transcribe_all(
    recording_list: RecordingList,
    arms: Mapping[str, Arm],
    repeats: int,
    seed: int,
    models: ModelList,
    *,
    progress: bool | Callable[[Snapshot], object] | None,
    settings: Mapping[str, Any],
) -> dict[str, list[list[Corpus]]]:
    """Return for each arm and repeat the corpora of all stretches, in order."""

    any_divides = any(isinstance(arm, TranscriptionOptions) and arm.divides for arm in arms.values())

    async def transcribed(stretch: RecordingList, turn: tuple[str, int]) -> Corpus:
        name, repeat = turn
        arm = arms[name]
        if isinstance(arm, Corpus):
            return in_recordings(arm, stretch)
        if not isinstance(arm, TranscriptionOptions):
            return await transcribe_with(arm, stretch, note=shown.note, name=name)
        if any_divides:  # What is too long for one arm need not be for another.
            stretch = RecordingList([copied(recording) for recording in stretch.recordings], stretch.metadata)
        corpus = await transcribe_as(arm, stretch, models=models, repeat=repeat, progress=False, **settings)
        return cast("Corpus", corpus)  # Without out=, it is no opened corpus.

    n_turns = {name: 1 if isinstance(arm, Corpus) else repeats for name, arm in arms.items()}
    turns = [(name, repeat) for name in arms for repeat in range(n_turns[name])]
    with Progress(progress_for(progress)) as shown:
        parts = await in_turns(
            recording_list, turns, transcribed, seed=seed, progress=shown, note=lambda turn: f"arm {turn[0]}"
        )
    for name, arm in arms.items():
        if not isinstance(arm, Corpus | TranscriptionOptions):
            warn_of_failures(name, [corpus for repeat in range(repeats) for corpus in parts[name, repeat]])
    return {name: [parts[name, min(repeat, n_turns[name] - 1)] for repeat in range(repeats)] for name in arms}


def _listed(name: str, words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise OptionsError(f"{name} is the single text {words!r}; it must be a list of words, like [{words!r}]")
    if not isinstance(words, Iterable):
        raise OptionsError(f"{name} is {words!r}; it is a list of words")
    listed = list(words)
    if odd := [word for word in listed if not isinstance(word, str)]:
        raise OptionsError(f"{name} holds {odd[0]!r}; it is a list of words, each a text")
    return list(dict.fromkeys(listed))


def _terms_of(arms: Mapping[str, TranscriptionOptions], distractors: list[str], chain: Normalizer) -> list[str]:
    """Return the context terms of all arms without the distractors. If several terms are equal, the first is kept."""
    taken = {units_of(word, chain) for word in distractors}
    by_units: dict[tuple[str, ...], str] = {}
    for options in arms.values():
        context = options.body().get("context") or {}
        for term in context.get("terms") or ():
            by_units.setdefault(units_of(term, chain), term)
    return [term for words, term in by_units.items() if words not in taken]
