"""French: one form for each way to write the same spoken words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import regex

from soniox_ds.text.spoken.folding import Folding, without_de
from soniox_ds.text.spoken.french_numbers import SCALES, read_numbers
from soniox_ds.text.spoken.french_spelling import closed_compounds, common_spelling, without_compound_hyphens
from soniox_ds.text.spoken.numerals import (
    is_number,
)
from soniox_ds.text.spoken.signs import iso_date_rule, measure_rules, range_rules
from soniox_ds.text.spoken.writing import (
    Rule,
    join_capitals,
    listed,
    roman,
)

__all__ = ["fold"]

_MONTHS = listed("janvier février mars avril mai juin juillet aout septembre octobre novembre décembre")

_CURRENCIES = {
    form: pair
    for pair in (
        ("euro", "euros"),
        ("dollar", "dollars"),
        ("livre", "livres"),
        ("franc", "francs"),
        ("yen", "yens"),
        ("peso", "pesos"),
        ("roupie", "roupies"),
        ("rouble", "roubles"),
    )
    for form in pair
} | {"eur": ("euro", "euros"), "chf": ("franc", "francs")}
_HUNDREDTHS = {"euros": "centimes", "francs": "centimes", "dollars": "cents", "livres": "pence"}
_SUBUNITS = {
    "centime": ("centime", "centimes"),
    "centimes": ("centime", "centimes"),
    "cents": ("cent", "cents"),
    "pence": ("penny", "pence"),
    "penny": ("penny", "pence"),
}
_SIGNS = {
    "€": "euros",
    "$": "dollars",
    "£": "livres",
    "¥": "yens",
    "₹": "roupies",
    "₽": "roubles",
    "us$": "dollars",
    "eur": "euros",
}

_UNITS = {
    short: (singular, plural)
    for short, singular, plural in (
        ("mg", "milligramme", "milligrammes"),
        ("μg", "microgramme", "microgrammes"),
        ("mcg", "microgramme", "microgrammes"),
        ("g", "gramme", "grammes"),
        ("gr", "gramme", "grammes"),
        ("kg", "kilogramme", "kilogrammes"),
        ("km", "kilomètre", "kilomètres"),
        ("kilo", "kilogramme", "kilogrammes"),
        ("kilos", "kilogramme", "kilogrammes"),
        ("cm", "centimètre", "centimètres"),
        ("mm", "millimètre", "millimètres"),
        ("m", "mètre", "mètres"),
        ("l", "litre", "litres"),
        ("ml", "millilitre", "millilitres"),
        ("cl", "centilitre", "centilitres"),
        ("dl", "décilitre", "décilitres"),
        ("ha", "hectare", "hectares"),
        ("m2", "mètre carré", "mètres carrés"),
        ("km2", "kilomètre carré", "kilomètres carrés"),
        ("m3", "mètre cube", "mètres cubes"),
        ("kw", "kilowatt", "kilowatts"),
        ("mw", "mégawatt", "mégawatts"),
        ("kwh", "kilowattheure", "kilowattheures"),
        ("ko", "kilooctet", "kilooctets"),
        ("mo", "mégaoctet", "mégaoctets"),
        ("go", "gigaoctet", "gigaoctets"),
        ("to", "téraoctet", "téraoctets"),
        ("hz", "hertz", "hertz"),
        ("mhz", "mégahertz", "mégahertz"),
        ("ghz", "gigahertz", "gigahertz"),
        ("kmh", "kilomètre heure", "kilomètres heure"),
        ("h", "heure", "heures"),
        ("min", "minute", "minutes"),
        ("mn", "minute", "minutes"),
        ("s", "seconde", "secondes"),
        ("sec", "seconde", "secondes"),
        ("ms", "milliseconde", "millisecondes"),
        ("db", "décibel", "décibels"),
        ("kcal", "kilocalorie", "kilocalories"),
        ("t", "tonne", "tonnes"),
        ("v", "volt", "volts"),
        ("w", "watt", "watts"),
    )
}
# "1,85 m" is read as "un mètre quatre-vingt-cinq".
_METERS = dict.fromkeys(("mètre", "mètres"), ("mètre", "mètres"))
_COUNTED = (
    frozenset(_CURRENCIES)
    | frozenset(_SUBUNITS)
    | {singular.split()[0] for singular, _ in _UNITS.values()}
    | frozenset(listed("degré kilo an année jour semaine mois pourcent mille pouce pied tiers quart demi octet"))
) - {"mille", "livre"}
_SIGN = r"us\$|[€$£¥₹₽]|eur(?=\s?[0-9])"
_NUMBER_TEXT = r"[0-9]+(?:[.,][0-9]+)*"
_SPELLED_OUT = {
    r"c\.?-?\s?à-?\s?d\.": "c'est à dire",
    r"p\.\s?ex\.": "par exemple",
    r"av\.\s?j\.?-?\s?c\.": "avant jésus christ",
    r"apr?\.\s?j\.?-?\s?c\.": "après jésus christ",
    r"(?<![0-9]\s)m\.(?=\s\p{L})": "monsieur",
    r"(?<![0-9]\s)mm\.(?=\s\p{L})": "messieurs",
    r"pr\.?(?=\s\p{L})": "professeur",
    r"st(?:\.?-|\.?\s)(?=\p{L}{3})(?!sainte?\b)": "saint",
    r"ste(?:\.?-|\.?\s)(?=\p{L}{3})(?!sainte?\b)": "sainte",
    r"p\.(?=\s?[0-9])": "page",
    r"chap\.(?=\s?[0-9])": "chapitre",
    r"art\.(?=\s?[0-9])": "article",
    r"vol\.(?=\s?[0-9])": "volume",
    r"env\.(?=\s?[0-9])": "environ",
    r"av\.(?=\s)": "avenue",
    r"n\s?[°o]\s?(?=[0-9])": "numéro",
    r"n\.o\s?(?=[0-9])": "numéro",
}


_SHORT_SCALES = {"m": "millions", "md": "milliards", "mds": "milliards"}


def _amount(match: regex.Match[str]) -> str:
    scale = match["scale"] or ""
    return f" {match['number']} {_SHORT_SCALES.get(scale, scale)} {_SIGNS[match['sign']]} "


def _time(match: regex.Match[str]) -> str:
    hour, minute = match["hour"].lstrip("0") or "0", match["minute"].lstrip("0")
    return f" {hour} {'heure' if hour in '01' else 'heures'} {minute} "


def _spoken_date(day: int, month: int, year: str) -> str | None:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    return f" {'1er' if day == 1 else day} {_MONTHS[month - 1]} {year} "


def _date(match: regex.Match[str]) -> str:
    return _spoken_date(int(match[1]), int(match[3]), match[4]) or str(match[0]).replace("/", " ")


def _fraction(match: regex.Match[str]) -> str:
    whole, top, bottom = match["whole"], int(match["top"]), int(match["bottom"])
    if not (0 < top < bottom and bottom in (2, 3, 4, 5, 6, 8, 10)):
        return str(match[0]).replace("/", " ")
    if bottom == 2:
        return f"{whole} et demi" if whole else "1 demi"
    plural = "s" if top > 1 else ""
    name = {3: "tiers", 4: f"quart{plural}"}.get(bottom, f"{bottom}e{plural}")
    return f"{whole} et {top} {name}" if whole else f"{top} {name}"


def _roman_ordinal(match: regex.Match[str]) -> str:
    value = roman(match[1])
    return str(match[0]) if value is None else f"{value}{'er' if value == 1 else 'e'}"


_GENERATIONS = {"deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6}  # of mobile networks
_ABBREVIATED = [(regex.compile(rf"(?<![\w.']){pattern}"), f"{words} ") for pattern, words in _SPELLED_OUT.items()]
_RULES: list[Rule] = [
    (regex.compile(r"(?<=\b(?:l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quelqu))'\s+(?=\p{L})"), "'"),
    (
        regex.compile(r"\b([ivx]+)(?:er|ère|e|ème|eme|ième)(?=\s(?:siècles?|arrondissement|république|dynastie)\b)"),
        _roman_ordinal,
    ),
    (regex.compile(r"\b([ivx]{3,7})(?:e|ème)\b"), _roman_ordinal),
    (regex.compile(r"\bi(?:re|ère)(?=\sguerre mondiale\b)"), "1re"),
    (regex.compile(r"\b(ii)(?:e|ème|ième)(?=\sguerre mondiale\b)"), _roman_ordinal),
    (regex.compile(r"(?<=[0-9])\s?mds?(?=\s(?:de|d')|\.?$)"), " milliards"),
    (regex.compile(r"(?<=[0-9])\s?cts?\b"), " centimes"),
    (regex.compile(r"(?<=[0-9]\s)av\.(?=\s\p{L})"), "avenue"),
    (regex.compile(r"\b(deux|trois|quatre|cinq|six)[ -]g\b"), lambda match: f"{_GENERATIONS[match[1]]}g"),
    iso_date_rule(_spoken_date),
    (regex.compile(r"(?<![0-9/])([0-9]{1,2})([/.-])([0-9]{1,2})\2((?:1[0-9]|20)[0-9]{2})(?![0-9/])"), _date),
    (regex.compile(r"\b(quelqu|jusqu|lorsqu|puisqu|aujourd)\s(?=\p{L})"), r"\1'"),
    (regex.compile(r"\bgrand'(?=m)"), "grand "),
    (regex.compile(r"\bd'(?=[0-9])"), "de "),
    (regex.compile(r"(?<![\w,.])([0-9]{1,2})\s?m\s?([0-9]{2})\b"), r"\1 mètres \2"),
    (regex.compile(r"\b24\s?h(?:eures)?\s?/\s?24\b"), "24 heures sur 24"),
    (regex.compile(r"\b7\s?j(?:ours)?\s?/\s?7\b"), "7 jours sur 7"),
    (
        regex.compile(
            r"(?<![0-9:.,])(?P<hour>[01]?[0-9]|2[0-4])(?::|\s?h\s?|\sheures?\s)(?P<minute>[0-5][0-9])(?![0-9:])"
            r"(?:\s?(?:h|min|mn)\b)?"
        ),
        _time,
    ),
    (regex.compile(r"(?<=[0-9]):(?=[0-9])"), " "),
    (regex.compile(r"(?<![0-9.])0[1-9](?:\.[0-9]{2}){4}(?![0-9])"), lambda match: str(match[0]).replace(".", " ")),
    (regex.compile(rf"(?<![\w-])-(?=(?:{_SIGN})?[0-9])"), " moins "),
    (
        regex.compile(rf"(?<![\w€$£¥₽₹])(?<!(?:eur|chf|[€$£¥₽₹])\s)(?P<sign>{_SIGN})\s?(?P<number>{_NUMBER_TEXT})(?:\s?(?P<scale>mille|millions?|milliards?)\b)?"),
        _amount,
    ),
    (regex.compile(r"(?<![0-9.,])([0-9]+)\s?([€$£])([0-9]{2})(?![0-9])"), r"\1,\3 \2"),
    (
        regex.compile(
            rf"(?<![0-9.,])(?P<number>{_NUMBER_TEXT})(?:\s?(?P<scale>mille|millions?|milliards?|m|mds?)\b)?"
            rf"\s?(?P<sign>[€$£¥₹₽])"
        ),
        _amount,
    ),
    (
        regex.compile(r"(?<![0-9/.])(?:(?P<whole>[0-9]+)\s)?(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3})(?![0-9/])"),
        _fraction,
    ),
    *range_rules("à"),
    (regex.compile(r"(?<=[0-9])(?:ère|ere|re)\b"), "re"),
    (regex.compile(r"(?<=[0-9])(?:ères|eres|res)\b"), "res"),
    (regex.compile(r"(?<=[0-9])\s?(?:ème|eme|ième)\b"), "e"),
    (regex.compile(r"(?<=[0-9])(?:èmes|emes|ièmes)\b"), "es"),
    (regex.compile(r"\b2nd(?=e?s?\b)"), "second"),
    (regex.compile(r"(?<=[0-9]),(?=[0-9])"), " virgule "),
    (regex.compile(r"(?<=[0-9])\.(?=[0-9])"), " point "),
    *measure_rules(
        percent="pourcent", per_mille="pour mille", degrees="degrés", meters_per_second="mètres par seconde"
    ),
    (regex.compile(r"\bkilomètres?[ -](?:par|à l')\s?heure\b"), "kilomètres heure"),
    (regex.compile(r"#(?=\s?[0-9])"), " numéro "),
    (regex.compile(r"#(?=\p{L})"), " hashtag "),
    (regex.compile(r"&"), " et "),
    (regex.compile(r"@"), " arobase "),
    (regex.compile(r"\+"), " plus "),
    (regex.compile(r"(?<=\s)=(?=\s)"), " égale "),
    (regex.compile(r"(?<=[0-9]\s?)[×*](?=\s?[0-9])|(?<=[0-9]\s?)x(?=\s?[0-9])|(?<=[0-9])x\b"), " fois "),
    (regex.compile(r"\bwww\."), "www point "),
    (regex.compile(r"(?<=[\p{L}0-9])\.(?=(?:fr|com|org|net|be|ch|ca|eu|info|pdf|txt|html)\b)"), " point "),
]  # fmt: skip
_ENDS = (
    frozenset(_COUNTED)
    | frozenset(SCALES)
    | frozenset(listed("degrés ans jours mois semaines heures minutes de et à virgule mille fois personnes heure"))
    | {plural.split()[0] for _, plural in _UNITS.values()}
)
_NO_CODES = frozenset(_UNITS) | frozenset(
    listed("de en le la un au du et il on je tu me te se ce ne ou où si y ex co re mi st ans an as er re nd")
)
_CAPITAL_A = regex.compile(r"(?:^|(?<=[.!?…]\s))A(?=\s\p{Ll})")  # capitals are often written without accents
_AT = {".": "point", "@": "arobase", "_": "tiret bas", "-": "tiret"}


def _hours(words: Sequence[str]) -> list[str]:
    """Write "1 heures" as "1 heure", and the minutes without their unit: "7 heures 15"."""
    result: list[str] = []
    for word in words:
        before = result[-1] if result else ""
        if word in ("heure", "heures") and is_number(before):
            word = "heure" if before in ("0", "1") else "heures"
        elif len(result) > 1 and before in ("heure", "heures") and is_number(result[-2]) and len(word) == 2:
            if word == "00":
                continue
            word = word[1] if is_number(word) and word[0] == "0" else word
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
    compounds=lambda words: closed_compounds(" ".join(words).split()),
    read_numbers=partial(read_numbers, counted=_COUNTED),
    digits={"spaced_thousands": lambda groups: True, "months": _MONTHS},
    thousand="mille",
    point="virgule",
    conjunctions=("et",),
    scales=SCALES,
    units=_UNITS,
    amounts=_CURRENCIES | _METERS,
    hundredths=_HUNDREDTHS,
    subunits=_SUBUNITS,
    codes={"dividers": ("a", "y"), "ends": _ENDS},
    before_cleaning=lambda text: _CAPITAL_A.sub("À", join_capitals(text)),
    after_rules=without_compound_hyphens,
    before_thousands=lambda words: without_de(words, SCALES, "d'"),
    after_amounts=_hours,
)
"""Folds a text once."""
