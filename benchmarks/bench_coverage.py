"""How often 95 % intervals cover the true rate, and how often equal arms differ: see docs/metrics-uncertainty.md.

Simulated speakers, each with a rate of their own, lognormal around a known 10 %; errors are Poisson. "alike" speakers
have one rate and 500 words each, "usual" ones rates whose standard deviation is half their mean and sizes as uneven,
"wild" ones rates whose standard deviation is the mean. "Sparse" ones say three short recordings (5 to 14 words each)
and have rates from a beta distribution (0.5, 20), so that most make no error. 2,000 studies for each figure (standard
error 0.5), 1,000 replicates each. Not figures of this machine, but it takes some minutes to get them.
"""

from __future__ import annotations

import numpy as np

from soniox_ds.analysis.statistics import METHODS, RateBootstrap, bootstrap_rate

STUDIES = 2000
REPLICATES = 1000
TRUE_RATE = 0.1
WORDS = 500
SPEAKERS = (5, 8, 10, 15, 20, 30, 50, 100)
KINDS = {"alike": (0.0, 0.0), "usual": (0.5, 0.5), "wild": (1.0, 0.5)}
SPARSE_SPEAKERS = (12, 20, 30, 50, 100)
SPARSE_BETA = (0.5, 20.0)


def lognormal(rng: np.random.Generator, mean: float, variation: float, size: tuple[int, int]) -> np.ndarray:
    """Values around `mean` with the coefficient of variation `variation`."""
    spread = np.sqrt(np.log1p(variation**2))
    return mean * np.exp(rng.normal(-(spread**2) / 2, spread, size))


def studies(rng: np.random.Generator, kind: str, speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words of each speaker, and the errors of two equal arms; one row for each study."""
    rates, sizes = KINDS[kind]
    shape = (STUDIES, speakers)
    words = np.maximum(1, lognormal(rng, WORDS, sizes, shape).round())
    expected = words * lognormal(rng, TRUE_RATE, rates, shape)
    return words, rng.poisson(expected), rng.poisson(expected)


def sparse_studies(rng: np.random.Generator, speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Likewise, of speakers of whom most make no error."""
    words = rng.integers(5, 15, (STUDIES, speakers, 3)).sum(axis=2)
    rates = rng.beta(*SPARSE_BETA, (STUDIES, speakers))
    return words, rng.binomial(words, rates), rng.binomial(words, rates)


def bootstrapped(errors: np.ndarray, words: np.ndarray) -> list[RateBootstrap]:
    """Each study bootstrapped with a seed of its own."""
    return [
        bootstrap_rate(one, size, replicates=REPLICATES, seed=number)
        for number, (one, size) in enumerate(zip(errors, words, strict=True))
    ]


def covered(drawn: list[RateBootstrap], method: str, truth: float) -> float:
    """Percentage of intervals that hold the truth, of those that exist."""
    bounds = [one.interval(0.95, method) for one in drawn]
    there = [bound for bound in bounds if bound.reason is None]
    return 100 * float(np.mean([bound.low <= truth <= bound.high for bound in there]))


def without_interval(drawn: list[RateBootstrap]) -> float:
    """Percentage of studies in which there is no studentized interval."""
    return 100 * float(np.mean([one.interval().reason is not None for one in drawn]))


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(0)
    print("sparse: speakers, of whom err in either arm; rate covered, without interval; A/A, without interval (%)")
    truth = SPARSE_BETA[0] / sum(SPARSE_BETA)
    for speakers in SPARSE_SPEAKERS:
        words, first, second = sparse_studies(rng, speakers)
        rate, difference = bootstrapped(first, words), bootstrapped(second - first, words)
        erring = ((first > 0) | (second > 0)).sum(axis=1).mean()
        print(
            f"{speakers:8} {erring:5.1f}; {covered(rate, METHODS[0], truth):.1f}, {without_interval(rate):.1f}; "
            f"{100 - covered(difference, METHODS[0], 0.0):.1f}, {without_interval(difference):.1f}",
            flush=True,
        )
    print("speakers  " + "  ".join(f"{kind}: {' / '.join(METHODS)}; A/A; without".ljust(38) for kind in KINDS))
    for speakers in SPEAKERS:
        cells = []
        for kind in KINDS:
            words, first, second = studies(rng, kind, speakers)
            rate, difference = bootstrapped(first, words), bootstrapped(second - first, words)
            coverage = " / ".join(f"{covered(rate, method, TRUE_RATE):.1f}" for method in METHODS)
            false_alarms = " / ".join(f"{100 - covered(difference, method, 0.0):.1f}" for method in METHODS)
            cells.append(f"{coverage}; {false_alarms}; none {without_interval(rate):.1f}".ljust(38))
        print(f"{speakers:8}  " + "  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
