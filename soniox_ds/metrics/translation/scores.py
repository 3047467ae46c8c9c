"""BLEU, chrF and TER of translations, with intervals and paired tests.

Conventions: every score is computed by sacrebleu and carries its signature; this module decides only which texts belong
together and which of them are drawn. Scores run from 0 to 100 and are those of all texts together, never a mean over
texts. For BLEU and chrF more is better, for TER less. Texts are detokenised and not normalised except by sacrebleu, as
its signature states.

References: Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018; Popović, "chrF: character n-gram F-score for
automatic MT evaluation", WMT 2015; Snover et al., "A Study of Translation Edit Rate", AMTA 2006; Koehn, "Statistical
Significance Tests for Machine Translation Evaluation", EMNLP 2004 (paired bootstrap); Riezler and Maxwell, "On Some
Pitfalls in Automatic Evaluation and Significance Testing for MT", 2005 (approximate randomization).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SetupError
from soniox_ds.metrics.stats.bootstrap import checked_resampling
from soniox_ds.metrics.translation.reference_translations import texts_of, where
from soniox_ds.schema import TRANSLATION_COMPARISON, TRANSLATION_SCORES, conform
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.text.scripts import is_unspaced

__all__ = ["compare_translations", "translation_scores"]

METRICS = ("bleu", "chrf", "chrf++", "ter")
TESTS = ("bootstrap", "randomization")
_TOKENIZERS = ("13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none")
_OF_LANGUAGE = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"} | dict.fromkeys(("th", "lo", "km", "my"), "char")

_Floats = npt.NDArray[np.float64]
_CELLS_PER_CHUNK = 1_000_000


def translation_scores(
    transcripts: Any,
    references: Any,
    *,
    metric: str | Sequence[str] = ("bleu", "chrf", "ter"),
    language: str | None = None,
    tokenize: str | None = None,
    block: Any = None,
    ci: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Score translations against references.

    Parameters
    ----------
    transcripts
        A sequence of texts, such as a list or ``pairs["translation"]``, with one text for each reference and NA or None
        for a missing translation; or, to match texts by `audio_id`, a mapping from `audio_id` to text, a Corpus or a
        table in ``schema.TEXTS``.
    references
        A sequence of the same length, in which each item is a correct translation or a list of several correct
        translations. For translations by `audio_id`, a mapping or Series from `audio_id` to such items, or a table with
        the columns `audio_id` and `reference`.
    metric
        One or more of ``"bleu"``, ``"chrf"``, ``"chrf++"`` (with word pairs) and ``"ter"``.
    language
        Two-letter code of the language translated *into*. It selects sacrebleu's tokeniser for BLEU: zh for ``zh``,
        ja-mecab for ``ja`` (needs ``pip install "sacrebleu[ja]"``), ko-mecab for ``ko`` (needs
        ``pip install "sacrebleu[ko]"``), char for Thai, Lao, Khmer and Burmese, and 13a for all other languages.
    tokenize
        Name of sacrebleu's tokeniser for BLEU, in place of the tokeniser that `language` selects: 13a, intl, zh,
        ja-mecab, ko-mecab, char or none.
    block
        Labels of texts that belong together, such as all texts of one speaker or of one talk, and are resampled
        together: a sequence with a label for each text, or the name of a column of `references`. None resamples single
        texts, as sacrebleu does. If the texts are not independent, the intervals are then too narrow.
    ci, n_resamples, seed
        Level of the interval, number of bootstrap replicates and their seed. sacrebleu's own defaults are
        ``n_resamples=1000, seed=12345``.

    Returns
    -------
    DataFrame
        ``schema.TRANSLATION_SCORES``, one row for each metric. Without blocks, sacrebleu's mean ± interval is
        `score_mean` ± (`score_high` - `score_low`) / 2.

    Raises
    ------
    InputError
        If there are not as many references as translations, if nothing can be scored, if an option is wrong, or if the
        texts are in a script without spaces and neither `language` nor `tokenize` is given.
    SchemaError
        If a column is absent or an id occurs twice.
    SetupError
        If the package of a tokeniser is missing.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> translations = ["Guten Morgen zusammen.", "Wie geht es dir heute?"]
    >>> references = ["Guten Morgen allerseits.", "Wie geht es dir heute?"]
    >>> scores = sx.metrics.translation_scores(translations, references, language="de")
    >>> scores[["metric", "score", "texts"]].round(1)
      metric  score  texts
    0   bleu   76.2      2
    1   chrf   70.7      2
    2    ter   12.5      2
    >>> scores["signature"][1][:40]
    'nrefs:1|bs:10000|seed:0|case:mixed|eff:y'
    """
    checked_resampling(ci, "percentile", n_resamples, seed)
    texts = texts_of(transcripts, references, block)
    rows = []
    for name in _metrics(metric):
        scorer = _scorer(name, language, tokenize, texts.references)
        statistics = _statistics(scorer, texts.hypotheses, texts.references)
        units = _by_block(statistics, texts.blocks)
        row: dict[str, Any] = {
            "metric": name,
            "score": _corpus_score(scorer, statistics.sum(axis=0)),
            "texts": len(texts.hypotheses),
            "missing": texts.missing,
            "units": len(units),
        }
        if len(units) > 1:
            sums = _resampled(units, n_resamples, seed)
            low, high, mean = _bounds(np.array([_corpus_score(scorer, unit_sums) for unit_sums in sums]), ci)
            row |= {"score_low": low, "score_high": high, "score_mean": mean}
            scorer.n_bootstrap, scorer.seed = n_resamples, str(seed)
        rows.append(row | {"ci": ci, "replicates": n_resamples, "seed": seed, "signature": str(scorer.get_signature())})
    return ResultTable(conform(pd.DataFrame(rows), TRANSLATION_SCORES))


def compare_translations(
    a: Any,
    b: Any,
    references: Any,
    *,
    metric: str | Sequence[str] = ("bleu", "chrf", "ter"),
    test: str = "bootstrap",
    language: str | None = None,
    tokenize: str | None = None,
    block: Any = None,
    ci: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Compare two translations `a` and `b` of the same texts with a paired test.

    Parameters
    ----------
    a, b, references, metric, language, tokenize, block, ci, n_resamples, seed
        See `sx.metrics.translation_scores`. Only texts that both `a` and `b` translate are scored. Texts that only one
        of them translates are counted in the columns `only_a` and `only_b`. For ``test="randomization"``, `n_resamples`
        is the number of random exchanges.
    test
        ``"bootstrap"`` (paired bootstrap) or ``"randomization"`` (approximate randomization), both as in sacrebleu.

    Returns
    -------
    DataFrame
        ``schema.TRANSLATION_COMPARISON``, one row for each metric. With either test, the interval of the difference and
        `b_better` come from a paired bootstrap.

    Raises
    ------
    InputError, SchemaError, SetupError
        For the reasons given in `sx.metrics.translation_scores`; InputError also if `a` and `b` have fewer than two
        texts or blocks in common.

    Warns
    -----
    UserWarning
        If some references have a translation in neither `a` nor `b`.

    Notes
    -----
    sacrebleu's bootstrap test subtracts the mean from the absolute differences of the replicates, and counts those
    above the absolute observed difference: p = (number + 1) / (n_resamples + 1). Its randomization test exchanges the
    translations of random texts and counts the absolute differences above the absolute observed difference. Neither p
    value is corrected for the number of metrics. With few texts the bootstrap test reports a difference too easily.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> right = ["the cat sat on the mat today", "a dog barked at night", "all birds sing in spring time", "he left"]
    >>> a = ["the cat sat on a mat today", "one dog barked by night", "birds sing in the spring time", "he left"]
    >>> sx.metrics.compare_translations(a, right, right, metric="chrf")[["score_a", "score_b", "b_better"]].round(1)
       score_a  score_b  b_better
    0     70.6    100.0       1.0
    """
    if test not in TESTS:
        raise InputError(f"test is {test!r}; it can be {' or '.join(map(repr, TESTS))}.")
    checked_resampling(ci, "percentile", n_resamples, seed)
    arm_a, arm_b = texts_of(a, references, block, keep_missing=True), texts_of(b, references, block, keep_missing=True)
    both = [x is not None and y is not None for x, y in zip(arm_a.hypotheses, arm_b.hypotheses, strict=True)]
    if not any(both):
        raise InputError(
            "a and b have no translation of the same text; check that both have the ids of the references."
        )
    if nowhere := sum(x is None and y is None for x, y in zip(arm_a.hypotheses, arm_b.hypotheses, strict=True)):
        warnings.warn(
            f"{nowhere} of {len(both)} references have a translation in neither a nor b and are ignored. Check that "
            "their ids are those of the recordings.",
            UserWarning,
            stacklevel=2,
        )
    one_texts, two_texts, right = (
        where(both, texts) for texts in (arm_a.hypotheses, arm_b.hypotheses, arm_a.references)
    )
    blocks = None if arm_a.blocks is None else pd.factorize(arm_a.blocks[np.array(both)])[0]
    rows = []
    for name in _metrics(metric):
        scorer = _scorer(name, language, tokenize, right)
        of_a, of_b = (_statistics(scorer, texts, right) for texts in (one_texts, two_texts))
        units_a, units_b = _by_block(of_a, blocks), _by_block(of_b, blocks)
        if len(units_a) < 2:
            raise InputError(f"a and b have {len(units_a)} text or block in common; a paired test needs two or more.")
        observed = _corpus_score(scorer, of_b.sum(axis=0)) - _corpus_score(scorer, of_a.sum(axis=0))
        differences = _differences(scorer, *(_resampled(units, n_resamples, seed) for units in (units_a, units_b)))
        low, high, _ = _bounds(differences, ci)
        size = np.abs(differences)
        exceeding = (
            size - size.mean()
            if test == "bootstrap"
            else np.abs(_exchanged(scorer, units_a, units_b, n_resamples, seed))
        )
        signature = scorer.get_signature()
        signature.update("seed", str(seed))
        signature.update("bs" if test == "bootstrap" else "ar", n_resamples)
        rows.append(
            {
                "metric": name,
                "score_a": _corpus_score(scorer, of_a.sum(axis=0)),
                "score_b": _corpus_score(scorer, of_b.sum(axis=0)),
                "difference": observed,
                "difference_low": low,
                "difference_high": high,
                "b_better": float(np.mean(differences < 0 if name == "ter" else differences > 0)),
                "p": (int(np.sum(exceeding > abs(observed))) + 1) / (n_resamples + 1),
                "test": test,
                "texts": len(right),
                "only_a": sum(text is not None for text in arm_a.hypotheses) - len(right),
                "only_b": sum(text is not None for text in arm_b.hypotheses) - len(right),
                "units": len(units_a),
                "ci": ci,
                "replicates": n_resamples,
                "seed": seed,
                "signature": str(signature),
            }
        )
    return ResultTable(conform(pd.DataFrame(rows), TRANSLATION_COMPARISON))


def _metrics(metric: str | Sequence[str]) -> list[str]:
    names = [metric] if isinstance(metric, str) else list(metric)
    if not names or set(names) - set(METRICS):
        raise InputError(f"metric is {metric!r}; it can be {', '.join(map(repr, METRICS))} or a list of these.")
    return names


def _scorer(name: str, language: str | None, tokenize: str | None, references: list[list[str]]) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if language is not None and not (isinstance(language, str) and len(language) == 2 and language.islower()):
        raise InputError(
            f"language is {language!r}; give the two-letter code of the language translated into, or None."
        )
    if tokenize is not None and tokenize not in _TOKENIZERS:
        raise InputError(
            f"tokenize is {tokenize!r}; it can be {', '.join(_TOKENIZERS)} (other tokenizers download models)."
        )
    unspaced = _is_unspaced(references)
    if unspaced and name != "chrf" and language is None and tokenize is None:
        raise InputError(
            f"the references are in a script without spaces, for which {name} needs a way to separate words; "
            'give language="zh" (or "ja", "th", ...) or choose a tokenizer.'
        )
    if name == "bleu":
        chosen = tokenize or _OF_LANGUAGE.get(language or "", "13a")
        try:
            return BLEU(tokenize=chosen)
        except (RuntimeError, ImportError) as error:
            extra = chosen.partition("-")[0]
            raise SetupError(f'the tokenizer {chosen} is not installed: pip install "sacrebleu[{extra}]".') from error
    if name == "ter":
        return TER(normalized=True, asian_support=True) if unspaced else TER()
    return CHRF(word_order=2 if name == "chrf++" else 0)


def _is_unspaced(references: list[list[str]]) -> bool:
    letters = [char for right in references for char in right[0] if char.isalpha()]
    return bool(letters) and sum(map(is_unspaced, letters)) > len(letters) / 2


def _statistics(scorer: Any, hypotheses: list[str], references: list[list[str]]) -> _Floats:
    """Return sacrebleu's sufficient statistics, one row for each text."""
    streams = list(zip_longest(*references))
    return np.array(scorer._extract_corpus_statistics(hypotheses, streams), np.float64)


def _corpus_score(scorer: Any, sums: _Floats) -> float:
    return float(scorer._compute_score_from_stats(sums.tolist()).score)


def _by_block(statistics: _Floats, blocks: npt.NDArray[Any] | None) -> _Floats:
    """Add up the statistics over the texts of each block."""
    if blocks is None:
        return statistics
    codes = pd.factorize(blocks)[0]
    sums = np.zeros((int(codes.max()) + 1, statistics.shape[1]))
    np.add.at(sums, codes, statistics)
    return sums


def _resampled(units: _Floats, n_resamples: int, seed: int) -> _Floats:
    """Sum over units drawn with replacement, with the same draws as sacrebleu for the same seed."""
    rng = np.random.default_rng(seed)
    count = len(units)
    rows = max(1, _CELLS_PER_CHUNK // count)
    sums = np.empty((n_resamples, units.shape[1]))
    for start in range(0, n_resamples, rows):
        now = min(rows, n_resamples - start)
        drawn = rng.choice(count, size=(now, count), replace=True) + np.arange(now)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=now * count).reshape(now, count)
        sums[start : start + now] = times.astype(np.float64) @ units
    return sums


def _differences(scorer: Any, a: _Floats, b: _Floats) -> _Floats:
    return np.array(
        [_corpus_score(scorer, sums_b) - _corpus_score(scorer, sums_a) for sums_a, sums_b in zip(a, b, strict=True)]
    )


def _exchanged(scorer: Any, a: _Floats, b: _Floats, trials: int, seed: int) -> _Floats:
    """Return the differences after exchanging the translations of randomly chosen units."""
    rng = np.random.default_rng(seed)
    stays = rng.integers(2, size=(trials, len(a)), dtype=np.bool_)
    exchanged = stays.astype(np.float64) @ a + (~stays).astype(np.float64) @ b
    return _differences(scorer, exchanged, a.sum(axis=0) + b.sum(axis=0) - exchanged)


def _bounds(scores: _Floats, ci: float) -> tuple[float, float, float]:
    """Return the bounds by sacrebleu's ranks, and the mean."""
    ordered = np.sort(scores)
    cut = int(np.floor(len(scores) * (1 - ci) / 2 + 1e-9))
    return float(ordered[cut]), float(ordered[len(scores) - cut - 1]), float(scores.mean())
