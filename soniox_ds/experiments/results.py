"""Results of an experiment: the arms compared with the first of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd

from soniox_ds._display import render
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, SmallSampleWarning
from soniox_ds.experiments.arm_differences import arm_differences
from soniox_ds.experiments.effects import arm_effects
from soniox_ds.experiments.other_arms import Arm, arm_text
from soniox_ds.experiments.word_changes import word_changes
from soniox_ds.metrics.confidence.calibration import calibration
from soniox_ds.metrics.costs import term_costs
from soniox_ds.metrics.speakers.diarization import diarization_errors
from soniox_ds.metrics.stats.blocks import DEFAULT_BLOCKS, block_columns
from soniox_ds.metrics.stats.compare import FEW_SEGMENTS
from soniox_ds.metrics.stats.repeats import RECORDING, REPEAT, pooled, pooled_wer, stacked, stacked_errors
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.metrics.terms.biasing import biasing_errors
from soniox_ds.metrics.terms.occurrences import term_errors, term_occurrences
from soniox_ds.metrics.terms.scores import compare_terms, term_counts
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.pairing import References, pair_up
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.metrics.words.recording_languages import Languages, in_one_language
from soniox_ds.options import TranscriptionOptions
from soniox_ds.schema import CALIBRATION, empty
from soniox_ds.text.normalizer import Normalizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison"]

EXAMPLES = 20
_OF_BLOCKS = ("summary", "differences", "term_summary", "biasing", "term_differences", "_resampling_of_repeats")
"""Cached attributes that depend on the blocks."""


class Comparison:
    """The results of an experiment. Every table is computed at first access.

    With repeats, all tables follow the same rules. `recordings` counts a recording and all its repeats once, and only
    if every repeat was scored. Words, terms, errors and `hours` are sums over all repeats, so that rates do not depend
    on the number of repeats. Tests over recordings or places count each recording or place once. All repeats of a
    recording are in one block, because they are not independent; ``variation`` shows how they differ. Only two results
    use the first repeats alone: the matched pairs test (MAPSSWE), which is defined for one pair of outputs, and
    ``examples``.
    """

    def __init__(
        self,
        *,
        arms: Mapping[str, Arm],
        corpora: Mapping[str, Sequence[Corpus]],
        references: References,
        terms: Sequence[str],
        distractors: Sequence[str],
        normalizer: Any,
        language: Languages = None,
        block: str | Sequence[str] | None,
        ci: float,
        seed: int,
    ) -> None:
        self.arms = dict(arms)
        """The options, the finished corpus or the function of each arm."""
        self.corpora = {name: list(repeats) for name, repeats in corpora.items()}
        """The corpora of each arm, one for each repeat."""
        self.terms = list(terms)
        self.distractors = list(distractors)
        self._references = references
        self._scoring: dict[str, Any] = {"normalizer": normalizer, "language": language}
        self._resampling: dict[str, Any] = {"block": block, "ci": ci, "seed": seed}

    @property
    def baseline(self) -> str:
        """Name of the first arm, which the other arms are compared with."""
        return next(iter(self.arms))

    @property
    def references(self) -> References:
        """The references that `sx.compare` was given; None for the column `reference` of the recordings."""
        return self._references

    @property
    def scoring(self) -> dict[str, Any]:
        """The `normalizer` and the `language` with which errors are counted."""
        return dict(self._scoring)

    def with_block(self, block: str | Sequence[str] | None) -> Comparison:
        """Return the same results with intervals and tests for other blocks. Nothing is transcribed again.

        Parameters
        ----------
        block
            One or more columns of the sources or references, as in `summarize`. ``"audio_id"`` makes each recording a
            block. None uses the default: `speaker` if there is such a column, otherwise `session`, otherwise each
            recording.

        Raises
        ------
        InputError, SchemaError
            If a column does not exist or is empty.
        """
        block_columns(self.errors[self.baseline], block)
        other = copy(self)
        other._resampling = self._resampling | {"block": block}
        for name in _OF_BLOCKS:
            other.__dict__.pop(name, None)
        return other

    def with_corpora(self, corpora: Mapping[str, Sequence[Corpus]]) -> Comparison:
        """Return the same experiment with other corpora. All results are computed again from these corpora.

        Parameters
        ----------
        corpora
            A mapping from the name of each arm to its corpora, one for each repeat, like the attribute `corpora`.
        """
        return Comparison(
            arms=self.arms,
            corpora=corpora,
            references=self._references,
            terms=self.terms,
            distractors=self.distractors,
            **self._scoring,
            **self._resampling,
        )

    @property
    def cost(self) -> pd.DataFrame:
        """``schema.COSTS`` of every arm and repeat, with `arm` and `repeat` (Int64, from 0) as first columns.

        ``sx.account.add_charges(trial)`` looks up the charges, and ``sx.summarize(trial.cost, by="arm")`` returns the
        total of each arm.
        """
        tables = []
        for name, repeats in self.corpora.items():
            for number, corpus in enumerate(repeats):
                table = corpus.cost
                table.insert(0, "repeat", number)
                table.insert(0, "arm", name)
                tables.append(table)
        return pd.concat(tables, ignore_index=True).astype({"arm": "string", "repeat": "Int64"})

    @property
    def term_costs(self) -> pd.DataFrame:
        """``schema.TERM_COSTS`` of each arm and term, with `arm` in front: what a recognised term costs.

        With repeats, the hits and the costs of all repeats are added.
        """
        tables = [table.assign(arm=name) for name, table in self.occurrences.items()]
        occurrences = pd.concat(tables, ignore_index=True).astype({"arm": "string"})
        return term_costs(occurrences, self.cost, by=["arm", "term"])

    @cached_property
    def errors(self) -> dict[str, pd.DataFrame]:
        """``schema.WORD_ERRORS`` of each arm."""
        return {name: pooled([self._errors_of(corpus) for corpus in repeats]) for name, repeats in self.corpora.items()}

    @cached_property
    def alignments(self) -> dict[str, pd.DataFrame]:
        """``schema.WORD_ALIGNMENTS`` of each arm's first repeat."""
        return {
            name: align_words(repeats[0], self._references, **self._scoring) for name, repeats in self.corpora.items()
        }

    def _errors_of(self, corpus: Corpus) -> pd.DataFrame:
        return word_errors(corpus, self._references, **self._scoring)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The summary of the arms: `arm`, ``schema.ERROR_SUMMARY``, the costs, the time, and the effect of the options.

        `cost_usd` is the estimate and `charged_usd` what was charged (NA unless `sx.account.add_charges` found the logs
        of all completed recordings). Both are NA for finished corpora and for functions. `turnaround_s` is the median
        time from the submission of a recording to its transcript: a function transcribes one recording after the
        other, the service many at a time. It is NA where the times are not known.

        The columns on the effect are those of `effects`, from `changed` on.
        """
        rows = []
        for name, errors in self.errors.items():
            row = summarize(errors, **self._resampling)
            row.insert(0, "arm", name)
            for cost in ("cost_usd", "charged_usd"):
                row[cost] = pd.array([self._cost_of(name, cost)], "Float64")
            row["turnaround_s"] = pd.array([self._turnaround_s(name)], "Float64")
            rows.append(row)
        return pd.concat(rows, ignore_index=True).merge(self.effects.drop(columns="transcripts"), on="arm", how="left")

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Paired comparison of each arm with the baseline, Holm-corrected: ``schema.ERROR_COMPARISON``.

        With repeats, the rates and McNemar's counts include all of them (a recording is right if all its repeats are);
        MAPSSWE uses the first repeats, and `note` says so.

        Where all recordings have the same speaker (or other block), there is only one recording, or all of them failed
        in an arm, the interval and its p are NA, and `note` says why; `with_block` chooses other blocks.
        """
        if not self._repeated:
            return arm_differences(self.errors, alignments=self.alignments, baseline=self.baseline, **self._resampling)
        table = arm_differences(self.errors, baseline=self.baseline, **self._resampling)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmallSampleWarning)  # the note says the same
            first = arm_differences(
                {name: self._first(name) for name in self.arms},
                alignments=self.alignments,
                baseline=self.baseline,
                **self._resampling,
            )
        for name in ("segments", *(f"mapsswe_{part}" for part in ("mean", "sd", "z", "p", "p_holm"))):
            table[name] = first[name]
        few = (first["segments"] < FEW_SEGMENTS).fillna(False)
        first_repeat = "MAPSSWE uses only the first repeat of each arm."
        too_few = f" With fewer than {FEW_SEGMENTS} error segments its p value is not reliable."
        remarks = few.map({True: first_repeat + too_few, False: first_repeat}).astype("string")
        combined = (table["note"] + " ").fillna("") + remarks
        table["note"] = combined.where(first["segments"].notna(), table["note"])
        return table

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Effect of the options of each arm on the transcripts: ``schema.ARM_EFFECTS``.

        `changed` is the share of transcripts whose spoken text differs from the baseline's; `changed_speakers`,
        `changed_languages` and `changed_translations` are the same share for the other parts of a transcript; `effect`
        names the parts that differ anywhere. Repeat n of an arm is compared with repeat n of the baseline. An arm whose
        `effect` is "none" was probably not applied: for example a context that the model does not use, or a hint of the
        language that it recognises anyway.
        """
        return arm_effects(self.corpora, self.baseline)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Quality of the confidences of each arm's first repeat: `arm`, then ``schema.CALIBRATION``.

        Arms without confidences are left out.
        """
        tables = []
        for name, alignments in self.alignments.items():
            if alignments["confidence"].notna().any():
                resampling = {key: value for key, value in self._resampling.items() if key != "block"}
                table = calibration(alignments, **resampling)
                table.insert(0, "arm", name)
                tables.append(table)
        if not tables:
            return empty(CALIBRATION).assign(arm=pd.array([], "string"))[["arm", *CALIBRATION]]
        return pd.concat(tables, ignore_index=True).astype({"arm": "string"})

    def diarization(self, turns: pd.DataFrame, **options: Any) -> pd.DataFrame:
        """Summarize the speaker errors of each arm's first repeat: `arm`, then ``schema.DIARIZATION_SUMMARY``.

        Parameters
        ----------
        turns
            Reference turns, as `diarization_errors` takes them.
        **options
            Further options of `diarization_errors`, such as `collar_ms`.

        Raises
        ------
        InputError
            If no arm has speakers, or the turns belong to none of the recordings.
        """
        tables = []
        for name, repeats in self.corpora.items():
            if repeats[0].tokens["speaker"].notna().any():
                table = summarize(diarization_errors(repeats[0], turns, **options))
                table.insert(0, "arm", name)
                tables.append(table)
        if not tables:
            raise InputError(
                "no arm has speakers; use enable_speaker_diarization=True in an arm, or transcripts with speakers."
            )
        return pd.concat(tables, ignore_index=True).astype({"arm": "string"})

    @cached_property
    def variation(self) -> pd.DataFrame:
        """Variation of the service itself: one row for each arm.

        `arm`, `repeats`, `wer_low` and `wer_high` (lowest and highest pooled WER of a repeat), `differ` (share of
        recordings whose repeats do not all have the same text; NA for a single repeat). A finished corpus has one.
        """
        rows = []
        for name, repeats in self.corpora.items():
            if isinstance(self.arms[name], Corpus):
                repeats = repeats[:1]
            rates = [pooled_wer(self._errors_of(corpus)) for corpus in repeats]
            texts = pd.concat([c.recordings.set_index("audio_id")["text"] for c in repeats], axis=1).dropna()
            differ = (texts.nunique(axis=1) > 1).mean() if len(repeats) > 1 and len(texts) else None
            rows.append((name, len(repeats), min(rates), max(rates), differ))
        table = pd.DataFrame(rows, columns=["arm", "repeats", "wer_low", "wer_high", "differ"])
        return table.astype({"arm": "string", "differ": "Float64"})

    @cached_property
    def term_errors(self) -> pd.DataFrame:
        """``schema.TERM_ERRORS`` of each arm, one row for each arm and term, with `arm` in front."""

        def counted(name: str) -> pd.DataFrame:
            table = term_errors(
                self._all_alignments[name],
                self.terms,
                distractors=self.distractors,
                errors=self._all_errors[name],
                normalizer=self._term_normalizer,
            )
            n_recordings = self.occurrences[name].groupby("term")["audio_id"].nunique()
            return table.assign(recordings=n_recordings.reindex(table["term"], fill_value=0).astype("Int64").array)

        return self._for_each_arm(counted)

    @cached_property
    def term_summary(self) -> pd.DataFrame:
        """``schema.TERM_SUMMARY`` of each arm, with `arm` in front, and the cost of a recovered term.

        `cost_usd_per_recovered_term`: the arm's estimated cost divided by the number of term occurrences that it hit
        and the baseline missed, repeat by repeat; NA if there are none. `charged_usd_per_recovered_term`: the same of
        its charges; NA unless `sx.account.add_charges` found all of them.
        """
        table = self._for_each_arm(
            lambda name: self._recordings_once(
                name,
                summarize(
                    term_counts(
                        self._all_alignments[name],
                        self.terms,
                        self._all_errors[name],
                        distractors=self.distractors,
                        normalizer=self._term_normalizer,
                    ),
                    **self._resampling_of_repeats,
                ),
            )
        )
        for cost in ("cost_usd", "charged_usd"):
            per_term = [self._cost_per_term(name, cost) for name in self.arms]
            table[f"{cost}_per_recovered_term"] = pd.array(per_term, "Float64")
        return table.replace({"block": {RECORDING: "audio_id"}})

    @cached_property
    def biasing(self) -> pd.DataFrame:
        """B-WER and U-WER of each arm (errors on words of the terms, and on other words), with `arm` in front."""
        table = self._for_each_arm(
            lambda name: self._recordings_once(
                name,
                summarize(
                    biasing_errors(
                        self._all_alignments[name],
                        [*self.terms, *self.distractors],
                        self._all_errors[name],
                        normalizer=self._term_normalizer,
                    ),
                    **self._resampling_of_repeats,
                ),
            )
        )
        return table.replace({"block": {RECORDING: "audio_id"}})

    @cached_property
    def term_differences(self) -> pd.DataFrame:
        """Comparison of each other arm with the baseline over all terms: ``schema.TERM_COMPARISON``, `arm` in front.

        With repeats, a place counts once, for the arm that hits it in more repeats (see `sx.metrics.compare_terms`), so
        that p does not shrink with the number of repeats; recalls are means over repeats, false hits are summed.
        """
        rows = []
        for name in list(self.arms)[1:]:
            row = compare_terms(
                self._with_blocks(self.occurrences[self.baseline]), self.occurrences[name], by=None, **self._resampling
            )
            row.insert(0, "arm", name)
            rows.append(row)
        return pd.concat(rows, ignore_index=True)

    @cached_property
    def occurrences(self) -> dict[str, pd.DataFrame]:
        """``schema.TERM_OCCURRENCES`` of each arm, followed by the column `repeat` (Int64, from 0).

        Two of these tables can be passed to `sx.metrics.compare_terms` for a row of each term.
        """
        occurrences = {}
        for name, table in self._all_occurrences.items():
            errors = self._all_errors[name].set_index("audio_id").loc[table["audio_id"]]
            recording_and_repeat = errors[[RECORDING, REPEAT]].reset_index(drop=True)
            occurrences[name] = table.assign(
                audio_id=recording_and_repeat[RECORDING], repeat=recording_and_repeat[REPEAT]
            )
        return occurrences

    def examples(self, arm: str, most: int = EXAMPLES) -> pd.DataFrame:
        """List words that an arm won or lost against the baseline, with their place in the audio.

        Returns
        -------
        DataFrame
            `audio_id`, `change` (``"won"``: wrong in the baseline and right here; ``"lost"``), `reference`, `baseline`
            and `arm` (the words of each; NA where it has no word), `start_ms` (of the arm, otherwise of the baseline).
            A word that was recognised as several ("listen april" for "lisinopril") stands beside all of them, and
            several words that were recognised as one share a row, as in `confusions`.

        Raises
        ------
        InputError
            If there is no such arm, or it is the baseline.
        """
        if arm not in self.arms or arm == self.baseline:
            others = ", ".join(list(self.arms)[1:])
            raise InputError(
                f"{arm!r} cannot be compared with the baseline {self.baseline!r}; the other arms are {others}"
            )
        return word_changes(self.alignments[self.baseline], self.alignments[arm]).head(most)

    def _with_blocks(self, occurrences: pd.DataFrame) -> pd.DataFrame:
        """Add the columns that blocks are made of, from the recordings, to the occurrences."""
        errors = self.errors[self.baseline]
        block = self._resampling["block"]
        named = [block] if isinstance(block, str) else list(block or DEFAULT_BLOCKS)
        columns = [name for name in named if name in errors and name not in occurrences]
        return occurrences.merge(errors[["audio_id", *columns]], on="audio_id", how="left")

    @cached_property
    def _term_normalizer(self) -> Normalizer:
        """Normaliser of the terms, which belong to no recording."""
        chain = Normalizer.of(self._scoring["normalizer"])
        if not chain.languages:
            return chain
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the word errors have warned already
            pairs = pair_up(self.corpora[self.baseline][0], self._references)
        return in_one_language(chain, pairs, self._scoring["language"])

    def _need_terms(self) -> None:
        if not self.terms and not self.distractors:
            raise InputError("this experiment has no terms; pass terms=[...] to compare")

    @property
    def _repeated(self) -> bool:
        return any(len(repeats) > 1 for repeats in self.corpora.values())

    @cached_property
    def _all_errors(self) -> dict[str, pd.DataFrame]:
        """``schema.WORD_ERRORS`` of all repeats of each arm, with an id of its own for each repeat of a recording."""
        return {
            name: stacked_errors([self._errors_of(corpus) for corpus in repeats])
            for name, repeats in self.corpora.items()
        }

    @cached_property
    def _all_alignments(self) -> dict[str, pd.DataFrame]:
        """``schema.WORD_ALIGNMENTS`` of all repeats of each arm, with the same ids."""
        tables = {name: [self.alignments[name]] for name in self.arms}
        for name, repeats in self.corpora.items():
            for corpus in repeats[1:]:
                tables[name].append(align_words(corpus, self._references, **self._scoring))
        scored = {}
        for name, table in ((name, stacked(tables_of_repeats)) for name, tables_of_repeats in tables.items()):
            errors = self._all_errors[name]
            scored[name] = table[table["audio_id"].isin(errors.loc[errors["status"] == "scored", "audio_id"])]
        return scored

    @cached_property
    def _all_occurrences(self) -> dict[str, pd.DataFrame]:
        self._need_terms()
        return {
            name: term_occurrences(
                alignments, self.terms, distractors=self.distractors, normalizer=self._term_normalizer
            )
            for name, alignments in self._all_alignments.items()
        }

    @cached_property
    def _resampling_of_repeats(self) -> dict[str, Any]:
        """Resampling for tables in which each repeat has its own id: all repeats of a recording are one block."""
        block = self._resampling["block"]
        if not self._repeated:
            return self._resampling
        columns = block_columns(self._first(self.baseline), block)
        return self._resampling | {"block": [RECORDING if name == "audio_id" else name for name in columns]}

    def _first(self, name: str) -> pd.DataFrame:
        return self._errors_of(self.corpora[name][0])

    def _recordings_once(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table with numbers of recordings instead of numbers of repeats."""
        status = self.errors[name]["status"]
        numbers = {"recordings": "scored", "failed": "failed", "missing": "missing"}
        for column, wanted in numbers.items():
            table[column] = pd.array([int((status == wanted).sum())] * len(table), "Int64")
        return table

    def _for_each_arm(self, table_of: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
        self._need_terms()
        tables = []
        for name in self.arms:
            table = table_of(name)
            table.insert(0, "arm", name)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def _cost_of(self, name: str, column: str) -> float | None:
        """Add up a cost of an arm over its repeats. None if a charge is not known, or the service has no part in it."""
        if not isinstance(self.arms[name], TranscriptionOptions):
            return None
        costs = pd.concat([corpus.completed.recordings[column] for corpus in self.corpora[name]])
        if column == "charged_usd" and costs.isna().any():
            return None
        return sum(float(corpus.recordings[column].sum()) for corpus in self.corpora[name])

    def _turnaround_s(self, name: str) -> float | None:
        recordings = pd.concat([corpus.completed.recordings for corpus in self.corpora[name]])
        seconds = (recordings["completed_at"] - recordings["submitted_at"]).dt.total_seconds()
        seconds = seconds[seconds >= 0]  # Earlier versions took the two times from different clocks.
        return float(seconds.median()) if len(seconds) else None

    def _cost_per_term(self, name: str, cost: str) -> float | None:
        if name == self.baseline:
            return None
        missed, hit = (
            table[table["outcome"] == outcome]
            for table, outcome in ((self.occurrences[self.baseline], "miss"), (self.occurrences[name], "hit"))
        )
        recovered = len(missed.merge(hit, on=["audio_id", "repeat", "term", "reference_index"]))
        total = self._cost_of(name, cost)
        return total / recovered if recovered and total is not None else None

    def __repr__(self) -> str:
        return f"Comparison of {len(self.arms)} arms\n{self._overview().to_string(index=False)}"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the difference in WER of each arm from the baseline, with its interval.

        It is ``sx.plot.error_comparison(comparison.differences)``, which has a description of the plot.

        Parameters
        ----------
        ax
            Axes to draw on; by default those of a new figure.
        """
        axes: Axes = import_module("soniox_ds.plot").error_comparison(self.differences, ax=ax)
        return axes

    def _repr_html_(self) -> str:
        corpora = [corpus for repeats in self.corpora.values() for corpus in repeats]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmallSampleWarning)  # the notes, which are shown, say the same
            differences = self.differences
        return render(
            "experiments/comparison.html.j2",
            tables=[self.summary, differences],
            is_stand_in=any((corpus.recordings["service"] == "local").any() for corpus in corpora),
            arms={name: arm_text(arm) for name, arm in self.arms.items()},
        )

    def _overview(self) -> pd.DataFrame:
        columns = ["arm", "recordings", "failed", "wer", "wer_low", "wer_high", "changed", "effect", "cost_usd"]
        if self.summary["neutral_wer"].notna().any():
            columns.insert(columns.index("wer_high") + 1, "neutral_wer")
        if self.summary["charged_usd"].notna().any():
            columns.append("charged_usd")
        digits = dict.fromkeys(("wer", "wer_low", "wer_high", "neutral_wer", "cost_usd", "charged_usd"), 4) | {
            "changed": 3,
            "turnaround_s": 2,
        }
        return self.summary[columns].round({name: digits[name] for name in columns if name in digits})
