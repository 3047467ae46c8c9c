"""German: one form for each way to write the same spoken words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import regex

from soniox_ds.text.spoken.folding import Folding
from soniox_ds.text.spoken.german_numbers import (
    AFTER_ORDINALS,
    BEFORE_ORDINALS,
    MONTHS,
    SCALES,
    SHORT_MONTHS,
    cardinal,
    read_numbers,
)
from soniox_ds.text.spoken.german_spelling import closed_compounds, common_spelling, without_hyphens
from soniox_ds.text.spoken.numerals import (
    is_number,
    value_of,
)
from soniox_ds.text.spoken.signs import iso_date_rule, measure_rules, range_rules
from soniox_ds.text.spoken.writing import (
    Rule,
    listed,
)

__all__ = ["fold"]


_CURRENCIES = {
    form: pair
    for pair in (
        ("euro", "euro"),
        ("dollar", "dollar"),
        ("pfund", "pfund"),
        ("franken", "franken"),
        ("yen", "yen"),
        ("mark", "mark"),
        ("krone", "kronen"),
        ("rupie", "rupien"),
        ("peso", "pesos"),
        ("rubel", "rubel"),
    )
    for form in pair
} | {"eur": ("euro", "euro"), "chf": ("franken", "franken"), "usd": ("dollar", "dollar")}
_HUNDREDTHS = {"euro": "cent", "dollar": "cent", "pfund": "pence", "franken": "rappen", "mark": "pfennig"}
_SUBUNITS = {
    "cent": ("cent", "cent"),
    "ct": ("cent", "cent"),
    "rappen": ("rappen", "rappen"),
    "pfennig": ("pfennig", "pfennig"),
    "pence": ("penny", "pence"),
    "penny": ("penny", "pence"),
}
_SIGNS = {
    "€": "euro",
    "$": "dollar",
    "£": "pfund",
    "¥": "yen",
    "₽": "rubel",
    "₹": "rupien",
    "us$": "us dollar",
    "eur": "euro",
    "chf": "franken",
}

# "5 km" is also read "fünf Kilometern".
_IN_THE_DATIVE = listed(
    "kilometer meter zentimeter millimeter liter milliliter quadratmeter quadratkilometer kubikmeter"
)
_UNITS = {
    short: (name, name)
    for short, name in {
        "mg": "milligramm",
        "μg": "mikrogramm",
        "g": "gramm",
        "kg": "kilogramm",
        "km": "kilometer",
        "cm": "zentimeter",
        "mm": "millimeter",
        "nm": "nanometer",
        "m": "meter",
        "l": "liter",
        "ml": "milliliter",
        "cl": "zentiliter",
        "dl": "deziliter",
        "qm": "quadratmeter",
        "m2": "quadratmeter",
        "km2": "quadratkilometer",
        "m3": "kubikmeter",
        "ha": "hektar",
        "kw": "kilowatt",
        "mw": "megawatt",
        "gw": "gigawatt",
        "kb": "kilobyte",
        "mb": "megabyte",
        "gb": "gigabyte",
        "tb": "terabyte",
        "hz": "hertz",
        "khz": "kilohertz",
        "mhz": "megahertz",
        "ghz": "gigahertz",
        "db": "dezibel",
        "kmh": "kilometer pro stunde",
        "kcal": "kilokalorien",
        "el": "esslöffel",
        "tl": "teelöffel",
    }.items()
} | {
    "kilo": ("kilogramm", "kilogramm"),
    **{f"{name}n": (name, name) for name in _IN_THE_DATIVE},
    "stundenkilometer": ("kilometer pro stunde", "kilometer pro stunde"),
    "h": ("stunde", "stunden"),
    "std": ("stunde", "stunden"),
    "min": ("minute", "minuten"),
    "sek": ("sekunde", "sekunden"),
    "kwh": ("kilowattstunde", "kilowattstunden"),
    "t": ("tonne", "tonnen"),
    "v": ("volt", "volt"),
    "w": ("watt", "watt"),
    "mrd": ("milliarde", "milliarden"),
    "ms": ("millisekunde", "millisekunden"),
}
_COUNTED = (
    frozenset(_CURRENCIES)
    | frozenset(_SUBUNITS)
    | frozenset(
        listed(
            "prozent promille uhr grad gramm kilo kilogramm milligramm mikrogramm meter kilometer zentimeter "
            "millimeter liter milliliter stunde minute sekunde jahr tag woche monat tonne hektar watt kilowatt "
            "kilowattstunde volt megabyte gigabyte terabyte kilobyte hertz meile seemeile zoll prozentpunkt "
            "quadratmeter quadratkilometer esslöffel teelöffel drittel viertel fünftel sechstel siebtel achtel "
            "neuntel zehntel hundertstel tausendstel"
        )
    )
)
_FRACTIONS = {
    3: "drittel",
    4: "viertel",
    5: "fünftel",
    6: "sechstel",
    7: "siebtel",
    8: "achtel",
    9: "neuntel",
    10: "zehntel",
    20: "zwanzigstel",
    100: "hundertstel",
}
_TEXT_OF_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_SIGN = r"us\$|[€$£¥₽₹]|(?:eur|chf)(?=\s?[0-9])"
_BEFORE_DATES = ("am", "vom", "zum", "bis", "seit", "ab", "der", "den", "dem")


def _amount(match: regex.Match[str]) -> str:
    return f" {match['number']} {match['scale'] or ''} {_SIGNS[match['sign']]} "


def _time(match: regex.Match[str]) -> str:
    minute = match["minute"].lstrip("0")
    return f"{match['hour'].lstrip('0') or '0'} uhr {minute}"


def _spoken_date(day: int, month: int, year: str) -> str | None:
    return f" {day}te {MONTHS[month - 1]} {year} " if 1 <= day <= 31 and 1 <= month <= 12 else None


def _date(match: regex.Match[str]) -> str:
    return _spoken_date(int(match[1]), int(match[2]), match[3] or "") or str(match[0])


def _fraction(match: regex.Match[str]) -> str:
    whole, top, bottom = match["whole"] or "", int(match["top"]), int(match["bottom"])
    if top == 1 and bottom == 2:
        return f"{whole} einhalb"
    if 0 < top < bottom and bottom in _FRACTIONS and not whole:
        return f"{top} {_FRACTIONS[bottom]}"
    if 0 < top < bottom and bottom in _FRACTIONS:
        return f"{whole} {top} {_FRACTIONS[bottom]}"
    return str(match[0]).replace("/", " ")


_SPELLED_OUT = {
    r"z\.\s?b\.": "zum beispiel",
    r"zb(?!\w)": "zum beispiel",
    r"d\.\s?h\.": "das heißt",
    r"u\.\s?a\.": "unter anderem",
    r"u\.\s?s\.\s?w\.": "usw",
    r"i\.\s?d\.\s?r\.": "in der regel",
    r"z\.\s?zt\.": "zur zeit",
    r"v\.\s?a\.": "vor allem",
    r"abt\.(?=\s?[0-9])": "abteilung",
    r"mwst\.?(?!\w)": "mehrwertsteuer",
    r"z\.\s?t\.": "zum teil",
    r"o\.\s?ä\.": "oder ähnliches",
    r"v\.\s?chr\.": "vor christus",
    r"n\.\s?chr\.": "nach christus",
    r"v\.\s?h\.": "prozent",
    r"s\.\s?o\.": "siehe oben",
    r"st\.(?=\s\p{L})": "sankt",
    r"max\.": "maximal",
    r"tel\.": "telefon",
    r"abs\.(?=\s?[0-9])": "absatz",
    r"art\.(?=\s?[0-9])": "artikel",
    r"kap\.(?=\s?[0-9])": "kapitel",
    r"s\.(?=\s?[0-9])": "seite",
    r"(?<![0-9]\s)min\.(?=\s[0-9])": "mindestens",
    r"bd\.(?=\s?[0-9])": "band",
    r"n[ro]\.?(?=\s?[0-9])": "nummer",
}
_ABBREVIATED = [(regex.compile(rf"(?<![\w.']){pattern}"), f"{words} ") for pattern, words in _SPELLED_OUT.items()]
_RULES: list[Rule] = [
    (regex.compile(r"(?<=\p{L})str\.(?=\s|$|,)"), "straße"),
    (regex.compile(r"(?<=\p{L})-str\.(?=\s|$|,)"), "-straße"),
    iso_date_rule(_spoken_date),
    (regex.compile(r"(?<![0-9.])([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?((?:1[0-9]|20)[0-9]{2})(?![0-9])"), _date),
    (regex.compile(rf"(?<=\b(?:{'|'.join(_BEFORE_DATES)})\s)([0-9]{{1,2}})\.\s?([0-9]{{1,2}})\.()(?!\s?[0-9])"), _date),
    (
        regex.compile(r"(?<![0-9:.,])(?P<hour>[01]?[0-9]|2[0-4])[:.](?P<minute>[0-5][0-9])\s?(?:uhr|h)\b"),
        _time,
    ),
    (regex.compile(r"(?<![0-9:.,])(?P<hour>[01]?[0-9]|2[0-4])(?::|\s?h\s?)(?P<minute>[0-5][0-9])(?![0-9:])"), _time),
    (regex.compile(r"(?<![0-9:])([0-9]{1,3}):([0-9]{1,3})(?![0-9:])"), r"\1 zu \2"),
    (regex.compile(r"(?<=[0-9]),(?:-|–)+"), ""),
    (regex.compile(rf"(?<![\w-])-(?=(?:{_SIGN})?[0-9])"), " minus "),
    (
        regex.compile(
            rf"(?<![\w€$£¥₽₹])(?<!(?:eur|chf|[€$£¥₽₹])\s)(?P<sign>{_SIGN})\s?(?P<number>{_TEXT_OF_NUMBER})"
            r"(?:\s?(?P<scale>mio|mrd|millionen|milliarden|million|milliarde|tausend)\b\.?)?"
        ),
        _amount,
    ),
    (
        regex.compile(
            rf"(?<![0-9.,])(?P<number>{_TEXT_OF_NUMBER})(?:\s?(?P<scale>mio|mrd|tsd|millionen|milliarden)\b\.?)?"
            rf"\s?(?P<sign>[€$£¥₽₹])"
        ),
        _amount,
    ),
    (
        regex.compile(r"(?<![0-9/.])(?:(?P<whole>[0-9]+)\s)?(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3})(?![0-9/])"),
        _fraction,
    ),
    *range_rules("bis"),
    (regex.compile(r"(?<=[0-9]),(?=[0-9])"), " komma "),
    (regex.compile(r"(?<=[0-9])\.(?=[0-9])"), " punkt "),
    (
        regex.compile(
            rf"(?<=\b(?:{'|'.join(sorted(BEFORE_ORDINALS))})\s)([0-9]{{1,3}})\.(?=\s[\p{{L}}])"
            rf"|(?<![0-9.,:])([0-9]{{1,3}})\.(?=\s(?:{'|'.join(sorted(AFTER_ORDINALS))})\b)"
        ),
        lambda match: f"{match[1] or match[2]}te",
    ),
    # At the end of a sentence "die 3." means three of them, and "mit der 3." means a tram line.
    (
        regex.compile(
            rf"(?<=\b(?:{'|'.join(sorted(BEFORE_ORDINALS))})\s)([0-9]{{1,3}})\.(?=\s?[,;)])"
            r"|(?<=(?<!\bmit\s)\b(?:der|den|dem|des|am|zum|beim|vom)\s)([0-9]{1,3})\.(?=\s*$)"
        ),
        lambda match: f"{match[1] or match[2]}te",
    ),
    (regex.compile(r"\bfr\.(?=\s\p{L})"), "frau"),
    (regex.compile(r"\bgr\.(?=\s?[0-9])"), "größe"),
    (regex.compile(r"\bmind\.(?=\s?[0-9])"), "mindestens"),
    (regex.compile(r"(?<=\s)str\.(?=\s|$|,)"), "straße"),
    (regex.compile(r"\b(zwei|drei|vier|fünf|sechs)[ -]g\b"), lambda match: f"{cardinal(match[1])}g"),
    (regex.compile(r"%ig(?=\p{L}*)"), " prozentig"),
    *measure_rules(
        percent="prozent", per_mille="promille", degrees="grad", meters_per_second="meter pro sekunde"
    ),
    (regex.compile(r"§§"), " paragraphen "),
    (regex.compile(r"§"), " paragraph "),
    (regex.compile(r"#(?=\s?[0-9])"), " nummer "),
    (regex.compile(r"#(?=\p{L})"), " hashtag "),
    (regex.compile(r"&"), " und "),
    (regex.compile(r"@"), " at "),
    (regex.compile(r"(?<=[0-9]\s?)\+|\+(?=\s?[0-9])"), " plus "),
    (regex.compile(r"(?<=\s)=(?=\s)"), " gleich "),
    (regex.compile(r"(?<=[0-9]\s?)[x×*](?=\s?[0-9])|(?<=[0-9])x\b"), " mal "),
    (regex.compile(r"÷"), " geteilt durch "),
    (regex.compile(r"\bwww\."), "www punkt "),
    (regex.compile(r"(?<=[\p{L}0-9])\.(?=(?:de|com|org|net|at|ch|eu|info|pdf|txt|html)\b)"), " punkt "),
]  # fmt: skip
_ENDS = (
    frozenset(_UNITS)
    | _COUNTED
    | frozenset(SCALES)
    | frozenset(listed("stunden minuten sekunden jahre tage wochen monate mal bis und euro jahren tagen einhalb"))
    | {"bis", "komma"}
    | {name for pair in _UNITS.values() for form in pair for name in listed(form)}
)
_NO_CODES = frozenset(_UNITS) | frozenset(listed("zu in ab am im um an so er es da ja du wo ob ei er eu tv"))
_CHAIN = regex.compile(r"(?<![\p{L}\p{N}-])(\p{L}{3,40}+)(?:-\p{L}++)++")
_LONG_CHAIN = regex.compile(r"(?<![\p{L}\p{N}-])\p{L}{3,40}+(?:-\p{L}{3,40}+){2,8}+(?![\p{L}\p{N}-])")
_AT = {".": "punkt", "@": "at", "_": "unterstrich", "-": "minus"}


def _chains_apart(text: str) -> str:
    """Write "drei-zimmer-wohnung" as "drei zimmer wohnung" and "rhein-main-gebiet" as "rhein main gebiet"."""
    if "-" not in text:
        return text
    return str(
        _CHAIN.sub(lambda match: _apart(match) if cardinal(match[1]) else match[0], _LONG_CHAIN.sub(_apart, text))
    )


def _apart(match: regex.Match[str]) -> str:
    return str(match[0]).replace("-", " ")


def _is_year(first: str, second: str) -> bool:
    return first == "20" and 10 <= int(second) <= 59


def _hours(words: list[str]) -> list[str]:
    """Write "7 uhr 05" as "7 uhr 5", and "7 uhr 00" as "7 uhr"."""
    result: list[str] = []
    for word in words:
        if len(result) > 1 and result[-1] == "uhr" and is_number(result[-2]) and len(word) == 2 and word[0] == "0":
            if not is_number(word):
                result.append(word)
            elif word != "00":
                result.append(word[1])
        else:
            result.append(word)
    return result


def _dates(words: Sequence[str]) -> list[str]:
    """Write days as "1te mai"."""
    result: list[str] = []
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        before = result[-1] if result else ""
        a_day = before.endswith("te") and 1 <= value_of(before[:-2]) <= 31
        a_year_follows = len(behind) == 4 and is_number(behind)
        a_date = a_year_follows or (len(result) > 1 and result[-2] in _BEFORE_DATES)
        if a_day and a_date and word.endswith("te") and 1 <= value_of(word[:-2]) <= 12:
            result.append(MONTHS[int(word[:-2]) - 1])
            continue
        if a_day and word in SHORT_MONTHS:
            word = SHORT_MONTHS[word]
        result.append(word)
    return result


fold = Folding(
    addresses=_AT,
    thousands=".",
    abbreviations=_ABBREVIATED,
    rules=_RULES,
    no_codes=_NO_CODES,
    endings=_UNITS,
    spelling=common_spelling,
    compounds=closed_compounds,
    read_numbers=partial(read_numbers, counted=_COUNTED),
    digits={"spaced_thousands": lambda groups: True, "is_pair": _is_year, "months": MONTHS},
    thousand="tausend",
    point="komma",
    conjunctions=("und",),
    scales=SCALES,
    units=_UNITS,
    amounts=_CURRENCIES | {"meter": ("meter", "meter")},  # "1,85 m" is read as "ein Meter fünfundachtzig"
    hundredths=_HUNDREDTHS,
    subunits=_SUBUNITS,
    codes={"ends": _ENDS},
    after_rules=lambda text: without_hyphens(_chains_apart(text)),
    before_thousands=lambda words: _dates(_hours(words)),
)
"""Folds a text once."""
