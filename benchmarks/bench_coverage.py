"""Coverage of 95 % intervals, and false differences between equal arms, for docs/metrics-uncertainty.md.

Every study has simulated speakers, each with an error rate of their own around a known 10 %; errors are Poisson. The
rates and the numbers of words are lognormal. ``KINDS`` gives their standard deviations in units of the mean. The
"sparse" speakers say three short recordings (5 to 14 words each) and have rates from a beta distribution (0.5, 20), so
that most make no error. 2,000 studies for each figure (standard error 0.5), 1,000 bootstrap replicates each. The
figures do not depend on the machine, but it takes some minutes to get them.
"""

from __future__ import annotations

import numpy as np

from soniox_ds.metrics.stats.bootstrap import RateBootstrap, bootstrap_rate

STUDIES = 2000
REPLICATES = 1000
TRUE_RATE = 0.1
WORDS = 500
SPEAKERS = (2, 3, 5, 8, 10, 20, 40, 100)
KINDS = {
    "even": (0.0, 0.0),
    "uneven": (0.5, 0.5),
    "very uneven sizes": (0.5, 1.0),
    "very uneven rates": (1.0, 0.5),
    "both": (1.0, 1.0),
}
SPARSE_SPEAKERS = (5, 8, 12, 20, 30, 50, 100)
SPARSE_BETA = (0.5, 20.0)
METHODS = ("studentized", "cr2", "jackknife", "percentile")


def lognormal(rng: np.random.Generator, mean: float, variation: float, size: tuple[int, int]) -> np.ndarray:
    """Draw values around `mean` with the coefficient of variation `variation`."""
    spread = np.sqrt(np.log1p(variation**2))
    return mean * np.exp(rng.normal(-(spread**2) / 2, spread, size))


def studies(rng: np.random.Generator, kind: str, speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the words of each speaker and the errors of two equal arms; one row for each study."""
    rates, sizes = KINDS[kind]
    shape = (STUDIES, speakers)
    words = np.maximum(1, lognormal(rng, WORDS, sizes, shape).round())
    expected = words * lognormal(rng, TRUE_RATE, rates, shape)
    return words, rng.poisson(expected), rng.poisson(expected)


def sparse_studies(rng: np.random.Generator, speakers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw speakers, most of whom make no error."""
    words = rng.integers(5, 15, (STUDIES, speakers, 3)).sum(axis=2)
    rates = rng.beta(*SPARSE_BETA, (STUDIES, speakers))
    return words, rng.binomial(words, rates), rng.binomial(words, rates)


def bootstrapped(errors: np.ndarray, words: np.ndarray) -> list[RateBootstrap]:
    """Bootstrap each study with a different seed."""
    return [
        bootstrap_rate(one, size, n_resamples=REPLICATES, seed=number)
        for number, (one, size) in enumerate(zip(errors, words, strict=True))
    ]


def covered(drawn: list[RateBootstrap], method: str, truth: float) -> str:
    """Return the percentage of intervals that contain the true rate, and in brackets of studies without interval."""
    intervals = [one.interval(0.95, method) for one in drawn]
    existing = [interval for interval in intervals if interval.exists]
    if not existing:
        return "–"
    share = 100 * float(np.mean([interval.low <= truth <= interval.high for interval in existing]))
    return f"{share:.1f}" + without(len(existing), len(intervals))


def differing(drawn: list[RateBootstrap], method: str) -> str:
    """Return the percentage of differences of equal arms whose interval excludes 0."""
    intervals = [one.interval(0.95, method, "difference") for one in drawn]
    existing = [interval for interval in intervals if interval.exists]
    if not existing:
        return "–"
    share = 100 * float(np.mean([interval.low > 0 or interval.high < 0 for interval in existing]))
    return f"{share:.1f}" + without(len(existing), len(intervals))


def without(existing: int, studies: int) -> str:
    """Return the percentage of studies without an interval, in brackets, or an empty text if there are none."""
    return f" ({100 - 100 * existing / studies:.1f})" if existing < studies else ""


def print_table(title: str, columns: list[str], rows: dict[int, list[str]]) -> None:
    """Print a Markdown table with a row for each number of speakers."""
    print(f"\n{title}\n\n| speakers | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for speakers, cells in rows.items():
        print(f"| {speakers} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print the tables of docs/metrics-uncertainty.md."""
    rng = np.random.default_rng(0)
    rates: dict[int, list[str]] = {speakers: [] for speakers in SPEAKERS}
    arms: dict[int, list[str]] = {speakers: [] for speakers in SPEAKERS}
    methods: dict[int, list[str]] = {}
    for kind in KINDS:
        for speakers in SPEAKERS:
            words, first, second = studies(rng, kind, speakers)
            drawn, differences = bootstrapped(first, words), bootstrapped(second - first, words)
            rates[speakers].append(covered(drawn, "auto", TRUE_RATE))
            arms[speakers].append(differing(differences, "auto"))
            if kind == "uneven":
                methods[speakers] = [covered(drawn, method, TRUE_RATE) for method in METHODS]
                methods[speakers] += [differing(differences, method) for method in METHODS]
    print_table('Rates, method="auto": % of the intervals that hold the true rate', list(KINDS), rates)
    print_table('Two equal arms, method="auto": % of the intervals that exclude 0', list(KINDS), arms)
    titles = [*METHODS, *(f"A/A {method}" for method in METHODS)]
    print_table("Uneven speakers, other methods: the same two figures", titles, methods)

    sparse: dict[int, list[str]] = {}
    for speakers in SPARSE_SPEAKERS:
        words, first, second = sparse_studies(rng, speakers)
        drawn, differences = bootstrapped(first, words), bootstrapped(second - first, words)
        erring = ((first > 0) | (second > 0)).sum(axis=1).mean()
        truth = SPARSE_BETA[0] / sum(SPARSE_BETA)
        sparse[speakers] = [f"{erring:.1f}", covered(drawn, "auto", truth), differing(differences, "auto")]
    print_table("Sparse errors", ["of whom err in either arm", "rates", "two equal arms"], sparse)


if __name__ == "__main__":
    main()
