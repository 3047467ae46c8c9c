"""Spanish: one form for each way to write the same spoken words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import regex

from soniox_ds.text.spoken.folding import Folding, without_de
from soniox_ds.text.spoken.numerals import (
    is_number,
    value_of,
)
from soniox_ds.text.spoken.signs import iso_date_rule, measure_rules, range_rules
from soniox_ds.text.spoken.spanish_numbers import SCALES, read_numbers
from soniox_ds.text.spoken.spanish_spelling import closed_compounds, common_spelling, without_prefix_hyphens
from soniox_ds.text.spoken.writing import (
    Rule,
    join_capitals,
    listed,
    sub_each,
)

__all__ = ["fold"]

_MONTHS = listed("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")

_CURRENCIES = {
    form: pair
    for pair in (
        ("euro", "euros"),
        ("dólar", "dólares"),
        ("peso", "pesos"),
        ("libra", "libras"),
        ("franco", "francos"),
        ("sol", "soles"),
        ("yen", "yenes"),
        ("yuan", "yuanes"),
        ("rupia", "rupias"),
        ("rublo", "rublos"),
        ("peseta", "pesetas"),
        ("real", "reales"),
        ("corona", "coronas"),
    )
    for form in pair
} | {"eur": ("euro", "euros"), "usd": ("dólar", "dólares")}
_HUNDREDTHS = {"euros": "céntimos", "dólares": "centavos", "pesos": "centavos", "libras": "peniques"}
_SUBUNITS = {
    form: pair for pair in (("céntimo", "céntimos"), ("centavo", "centavos"), ("penique", "peniques")) for form in pair
} | dict.fromkeys(("cént", "cts", "cént."), ("céntimo", "céntimos"))
_SIGNS = {
    "€": "euros",
    "$": "dólares",
    "£": "libras",
    "¥": "yenes",
    "₹": "rupias",
    "₽": "rublos",
    "us$": "dólares",
    "eur": "euros",
}

_UNITS = {
    short: (singular, plural)
    for short, singular, plural in (
        ("mg", "miligramo", "miligramos"),
        ("μg", "microgramo", "microgramos"),
        ("mcg", "microgramo", "microgramos"),
        ("g", "gramo", "gramos"),
        ("gr", "gramo", "gramos"),
        ("kg", "kilogramo", "kilogramos"),
        ("kgs", "kilogramo", "kilogramos"),
        ("km", "kilómetro", "kilómetros"),
        ("kms", "kilómetro", "kilómetros"),
        ("kilo", "kilogramo", "kilogramos"),
        ("kilos", "kilogramo", "kilogramos"),
        ("cm", "centímetro", "centímetros"),
        ("mm", "milímetro", "milímetros"),
        ("m", "metro", "metros"),
        ("l", "litro", "litros"),
        ("ml", "mililitro", "mililitros"),
        ("cl", "centilitro", "centilitros"),
        ("ha", "hectárea", "hectáreas"),
        ("m2", "metro cuadrado", "metros cuadrados"),
        ("km2", "kilómetro cuadrado", "kilómetros cuadrados"),
        ("m3", "metro cúbico", "metros cúbicos"),
        ("kw", "kilovatio", "kilovatios"),
        ("mw", "megavatio", "megavatios"),
        ("kwh", "kilovatio hora", "kilovatios hora"),
        ("kb", "kilobyte", "kilobytes"),
        ("mb", "megabyte", "megabytes"),
        ("gb", "gigabyte", "gigabytes"),
        ("tb", "terabyte", "terabytes"),
        ("hz", "hercio", "hercios"),
        ("mhz", "megahercio", "megahercios"),
        ("ghz", "gigahercio", "gigahercios"),
        ("kmh", "kilómetro por hora", "kilómetros por hora"),
        ("h", "hora", "horas"),
        ("hrs", "hora", "horas"),
        ("min", "minuto", "minutos"),
        ("mins", "minuto", "minutos"),
        ("seg", "segundo", "segundos"),
        ("ms", "milisegundo", "milisegundos"),
        ("db", "decibelio", "decibelios"),
        ("kcal", "kilocaloría", "kilocalorías"),
        ("t", "tonelada", "toneladas"),
        ("v", "voltio", "voltios"),
        ("w", "vatio", "vatios"),
    )
}
# "1,85 m" is read as "un metro ochenta y cinco".
_METERS = dict.fromkeys(("metro", "metros"), ("metro", "metros"))
_COUNTED = (
    frozenset(_CURRENCIES)
    | frozenset(_SUBUNITS)
    | {short for short in _UNITS if len(short) > 1}
    | {singular.split()[0] for singular, _ in _UNITS.values()}
    | frozenset(listed("grado kilo gramo año día semana mes porciento milla pulgada pie tercio cuarto quinto sexto"))
)
_SIGN = r"us\$|[€$£¥₹₽]|eur(?=\s?[0-9])"
_NUMBER_TEXT = r"[0-9]+(?:[.,][0-9]+)*"
_SPELLED_OUT = {
    r"p\.\s?ej\.": "por ejemplo",
    r"ee\.?\s?uu\.?(?!\w)": "eeuu",
    r"a\.\s?m\.": "am",
    r"p\.\s?m\.": "pm",
    r"(?<=[0-9ivx]\s)a\.\s?c\.": "antes de cristo",
    r"(?<=[0-9ivx]\s)d\.\s?c\.": "después de cristo",
    r"s\.\s?a\.": "sa",
    r"n[.o]{0,2}\.\s?(?=[0-9])": "número",
    r"c/\s?(?=\p{L})": "calle",
    r"av\.(?=\s)": "avenida",
    r"pl\.(?=\s)": "plaza",
    r"(?:d\.a|dña\.?|d\.ª)(?=\s\p{L}{2})": "doña",
    r"p\.(?=\s?[0-9])": "página",
    r"(?<![0-9]\s)km\.?(?=\s?[0-9])": "kilómetro",
    r"cap\.(?=\s?[0-9])": "capítulo",
    r"art\.(?=\s?[0-9])": "artículo",
    r"vol\.(?=\s?[0-9])": "volumen",
}
_BEFORE_CLEANING: list[Rule] = [
    (regex.compile(r"(?i)\bn\.?\s?[º°](?=\s?[0-9])"), " número "),
    (regex.compile(r"º(?=\s?[cCfF]\b)"), "°"),
    (regex.compile(r"(?<=[0-9])\.?º"), "o"),
    (regex.compile(r"(?<=[0-9])\.?ª"), "a"),
]


def _amount(match: regex.Match[str]) -> str:
    scale = "millones" if match["scale"] in ("m", "mm") else match["scale"] or ""
    return f" {match['number']} {scale} {_SIGNS[match['sign']]} "


def _time(match: regex.Match[str]) -> str:
    minute = match["minute"].lstrip("0")
    return f"{match['hour'].lstrip('0') or '0'} {minute} "


def _spoken_date(day: int, month: int, year: str) -> str | None:
    return f" {day} de {_MONTHS[month - 1]} de {year} " if 1 <= day <= 31 and 1 <= month <= 12 else None


def _date(match: regex.Match[str]) -> str:
    return _spoken_date(int(match[1]), int(match[2]), match[3]) or str(match[0]).replace("/", " ")


def _fraction(match: regex.Match[str]) -> str:
    whole, top, bottom = match["whole"], int(match["top"]), int(match["bottom"])
    names = {2: "medio", 3: "tercio", 4: "cuarto", 5: "quinto", 6: "sexto", 8: "octavo", 10: "décimo"}
    if not (0 < top < bottom and bottom in names):
        return str(match[0]).replace("/", " ")
    name = names[bottom] if top == 1 else names[bottom] + "s"
    spoken = name if bottom == 2 else f"{top} {name}"
    return f"{whole} y {spoken}" if whole else spoken


_GENERATIONS = {"dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6}  # of mobile networks
_ABBREVIATED = [(regex.compile(rf"(?<![\w.']){pattern}"), f"{words} ") for pattern, words in _SPELLED_OUT.items()]
_RULES: list[Rule] = [
    iso_date_rule(_spoken_date),
    (regex.compile(r"(?<![0-9/])([0-9]{1,2})([/.-])([0-9]{1,2})\2((?:1[0-9]|20)[0-9]{2})(?![0-9/])"), r"\1/\3/\4"),
    (regex.compile(r"(?<![0-9/])([0-9]{1,2})/([0-9]{1,2})/((?:1[0-9]|20)[0-9]{2})(?![0-9/])"), _date),
    (regex.compile(r"(?<![0-9:.,])(?P<hour>[01]?[0-9]|2[0-4])(?::|\s?h\s?)(?P<minute>[0-5][0-9])(?![0-9:])"), _time),
    (regex.compile(r"(?<=[0-9]):(?=[0-9])"), " "),
    (regex.compile(rf"(?<![\w-])-(?=(?:{_SIGN})?[0-9])"), " menos "),
    (
        regex.compile(
            rf"(?<![\w€$£¥₽₹])(?<!(?:eur|chf|[€$£¥₽₹])\s)(?P<sign>{_SIGN})\s?(?P<number>{_NUMBER_TEXT})(?:\s?(?P<scale>mil|millón|millones)\b(?:\sde\b)?)?"
        ),
        _amount,
    ),
    (
        regex.compile(
            rf"(?<![0-9.,])(?P<number>{_NUMBER_TEXT})(?:\s?(?P<scale>mil|m|mm|millones)\b(?:\sde\b)?)?"
            rf"\s?(?P<sign>[€$£¥₹₽])"
        ),
        _amount,
    ),
    (
        regex.compile(r"(?<![0-9/.])(?:(?P<whole>[0-9]+)\s)?(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3})(?![0-9/])"),
        _fraction,
    ),
    *range_rules("a"),
    (regex.compile(r"(?<=[0-9])\.?(?:ero|ro|er|do|to|mo|vo|no)\b"), "o"),
    (regex.compile(r"(?<=[0-9])\.?(?:era|ra|da|ta|ma|va|na)\b"), "a"),
    (regex.compile(r"(?<=[0-9])\.(?=[oa]s?\b)"), ""),
    (regex.compile(r"(?<=[0-9])[.,](?=[0-9])"), " coma "),
    (regex.compile(r"\b(i{1,3})(?=\sguerra mundial\b)"), lambda match: f"{len(match[1])}a"),
    (regex.compile(r"\b(dos|tres|cuatro|cinco|seis)[ -]g\b"), lambda match: f"{_GENERATIONS[match[1]]}g"),
    *measure_rules(
        percent="porciento", per_mille="por mil", degrees="grados", meters_per_second="metros por segundo"
    ),
    (regex.compile(r"#(?=\s?[0-9])"), " número "),
    (regex.compile(r"#(?=\p{L})"), " hashtag "),
    (regex.compile(r"&"), " y "),
    (regex.compile(r"@"), " arroba "),
    (regex.compile(r"\+"), " más "),
    (regex.compile(r"(?<=\s)=(?=\s)"), " igual a "),
    (regex.compile(r"(?<=[0-9]\s?)[x×*](?=\s?[0-9])"), " por "),
    (regex.compile(r"\bwww\."), "www punto "),
    (regex.compile(r"(?<=[\p{L}0-9])\.(?=(?:es|com|org|net|mx|ar|co|cl|eu|info|pdf|txt|html)\b)"), " punto "),
]  # fmt: skip
_ENDS = (
    frozenset(_COUNTED)
    | frozenset(SCALES)
    | frozenset(listed("porciento grados años días meses semanas horas minutos de y a coma mil veces personas"))
    | {plural.split()[0] for _, plural in _UNITS.values()}
)
_NO_CODES = frozenset(_UNITS) | frozenset(listed("de en el la lo al un se su mi tu me te no si ya os as am pm ex re"))
_AT = {".": "punto", "@": "arroba", "_": "guion bajo", "-": "guion"}


def _join_thousands_with_commas(text: str) -> str:
    """Remove the commas from "1,000,000" and "1,500", as written in Mexico; "1,234" is a decimal number."""
    if "," not in text:
        return text
    grouped = r"(?<![0-9,.])[1-9][0-9]{0,2}(?:(?:,[0-9]{3}){2,}|,[0-9]00)(?![0-9]|,[0-9])"
    return str(regex.sub(grouped, lambda match: match[0].replace(",", ""), text))


def _is_year(first: str, second: str) -> bool:
    return first == "20" and 10 <= int(second) <= 59


def _without_con(words: Sequence[str]) -> list[str]:
    """Remove the "con" before hundredths without a name ("veinte euros con cincuenta")."""
    result: list[str] = []
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        an_amount = len(result) > 1 and result[-1] in _CURRENCIES and is_number(result[-2])
        if not (word == "con" and an_amount and 0 < value_of(behind) < 100):
            result.append(word)
    return result


def _hours(words: Sequence[str]) -> list[str]:
    """Write "las 7 y 15" as "las 7 15", and "a m" as "am"."""
    result: list[str] = []
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        an_hour = len(result) > 1 and result[-2] in ("las", "la") and 1 <= value_of(result[-1]) <= 24
        if word == "y" and an_hour and 1 <= value_of(behind) <= 59:
            continue
        if word == "m" and len(result) > 1 and result[-1] in ("a", "p") and is_number(result[-2]):
            result[-1] += "m"
            continue
        result.append(word)
    return result


fold = Folding(
    addresses=_AT,
    thousands=".",
    abbreviations=_ABBREVIATED,
    rules=_RULES,
    no_codes=_NO_CODES,
    endings={*_UNITS, "am", "pm"},
    spelling=common_spelling,
    compounds=closed_compounds,
    read_numbers=partial(read_numbers, counted=_COUNTED),
    digits={"spaced_thousands": lambda groups: True, "is_pair": _is_year},
    thousand="mil",
    point="coma",
    conjunctions=("con", "y"),
    scales=SCALES,
    units=_UNITS,
    amounts=_CURRENCIES | _METERS,
    hundredths=_HUNDREDTHS,
    subunits=_SUBUNITS,
    codes={"dividers": ("y", "o", "a", "e", "u"), "ends": _ENDS},
    before_cleaning=lambda text: sub_each(join_capitals(text), _BEFORE_CLEANING),
    before_rules=_join_thousands_with_commas,
    after_rules=without_prefix_hyphens,
    before_thousands=lambda words: _hours(without_de(_without_con(words), SCALES)),
)
"""Folds a text once."""
