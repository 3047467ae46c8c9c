"""English: one form for each way to write the same spoken words."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from soniox_ds.text.spoken.english_numbers import ONES, SCALES, as_ordinal, read_numbers
from soniox_ds.text.spoken.english_spelling import closed_compounds, common_spelling, without_prefix_hyphens
from soniox_ds.text.spoken.folding import Folding
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

_MONTHS = {
    name: name
    for name in listed("january february march april may june july august september october november december")
}
_SHORT_MONTHS = dict(zip(listed("jan feb mar apr jun jul aug sept sep oct nov dec"), (
    listed("january february march april june july august september september october november december")
), strict=True))  # fmt: skip
_MONTH_OF = dict(enumerate(_MONTHS, 1))
_ALSO_VERBS = ("may", "march")
_BEFORE_DATES = frozenset(
    listed("on of in by until till since from to before after through last this next every between and")
)

_CURRENCIES = {
    "dollar": ("dollar", "dollars"),
    "pound": ("pound", "pounds"),
    "euro": ("euro", "euros"),
    "rupee": ("rupee", "rupees"),
    "peso": ("peso", "pesos"),
    "franc": ("franc", "francs"),
}
_CURRENCIES |= {plural: (singular, plural) for singular, plural in list(_CURRENCIES.values())}
_CURRENCIES |= {"yen": ("yen", "yen"), "yuan": ("yuan", "yuan"), "bitcoin": ("bitcoin", "bitcoin")}
_HUNDREDTHS = {"dollars": "cents", "euros": "cents", "pounds": "pence", "rupees": "paise", "pesos": "centavos"}
_SUBUNITS = {
    **dict.fromkeys(("cent", "cents"), ("cent", "cents")),
    **dict.fromkeys(("pence", "penny"), ("penny", "pence")),
    **dict.fromkeys(("paisa", "paise"), ("paisa", "paise")),
    **dict.fromkeys(("centavo", "centavos"), ("centavo", "centavos")),
}
_SIGNS = {
    "$": "dollars",
    "£": "pounds",
    "€": "euros",
    "¥": "yen",
    "₹": "rupees",
    "₿": "bitcoin",
    "us$": "us dollars",
    "c$": "canadian dollars",
    "a$": "australian dollars",
}
_LETTERS_OF_SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "b": "billion",
    "bn": "billion",
    "tn": "trillion",
}

_UNITS = {
    short: (singular, singular + "s")
    for short, singular in {
        "mg": "milligram",
        "mcg": "microgram",
        "μg": "microgram",
        "g": "gram",
        "kg": "kilogram",
        "kgs": "kilogram",
        "km": "kilometer",
        "kms": "kilometer",
        "cm": "centimeter",
        "mm": "millimeter",
        "nm": "nanometer",
        "ml": "milliliter",
        "cl": "centiliter",
        "lb": "pound",
        "lbs": "pound",
        "oz": "ounce",
        "hr": "hour",
        "hrs": "hour",
        "min": "minute",
        "mins": "minute",
        "sec": "second",
        "secs": "second",
        "ms": "millisecond",
        "mi": "mile",
        "yd": "yard",
        "yds": "yard",
        "kb": "kilobyte",
        "mb": "megabyte",
        "gb": "gigabyte",
        "tb": "terabyte",
        "kw": "kilowatt",
        "kwh": "kilowatt hour",
        "mw": "megawatt",
        "gw": "gigawatt",
        "tsp": "teaspoon",
        "tbsp": "tablespoon",
        "m": "meter",
        "yrs": "year",
        "kcal": "kilocalorie",
        "km2": "square kilometer",
        "m2": "square meter",
    }.items()
} | {
    "hz": ("hertz", "hertz"),
    "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"),
    "ghz": ("gigahertz", "gigahertz"),
    "ft": ("foot", "feet"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "db": ("decibel", "decibels"),
    **dict.fromkeys(("kilo", "kilos"), ("kilogram", "kilograms")),
}
_METRIC = {
    form: (singular, plural)
    for singular, plural in _UNITS.values()
    if singular.endswith(("gram", "meter", "liter", "byte", "watt")) and " " not in singular
    for form in (singular, plural)
}
_ALL_UNITS = {**_UNITS, **_METRIC}

_PER = {
    "dl": "deciliter",
    "l": "liter",
    "ml": "milliliter",
    "kg": "kilogram",
    "m2": "square meter",
    "h": "hour",
    "hr": "hour",
    "min": "minute",
    "day": "day",
}
# Abbreviations with a full stop that are not words themselves.
_ABBREVIATIONS = {
    "ave": "avenue",
    "rd": "road",
    "mt": "mount",
    "ft": "fort",
    "misc": "miscellaneous",
}
_BEFORE_NUMBERS = {
    "apt": "apartment",
    "vol": "volume",
    "fig": "figure",
    "ch": "chapter",
    "pp": "pages",
    "p": "page",
    "pg": "page",
    "tel": "telephone",
}
# Short titles, which are distinguished from words ("one more rep") by their capital and the name after them.
_TITLES = {
    "Gen": "general",
    "Capt": "captain",
    "Lt": "lieutenant",
    "Col": "colonel",
    "Gov": "governor",
    "Sen": "senator",
    "Rep": "representative",
    "Rev": "reverend",
}
_SAINTS = (
    "louis|paul|john|johns|mary|marys|petersburg|patrick|patricks|george|georges|james|peter|peters|andrew|andrews|"
    "francis|thomas|joseph|lawrence|helena|helens|vincent|kitts|lucia|nicholas|augustine|martin|michael|michaels|anne|"
    "anthony|bernard|charles|cloud|croix|david|davids|elizabeth|ives|jude|luke|lukes|mark|matthew|moritz|pancras|"
    "stephen|stephens|tropez|valentine|valentines|catherine|clair|albans|barts|bartholomew"
)
_KNOWN_INITIALS = frozenset(
    listed(
        "ai api atm ibm irs abc ip ipo iq id aa ac ad aol iou isp iso fyi asap roi gui cli faa aca ncaa cia nba nsa "
        "usa fda cpa mba ea dea fifa nra fbi dna rna mri usda ada nda pga rca pca mfa gpa kpi hdmi qa pa va"
    )
)
_TOP_DOMAINS = "com|org|net|edu|gov|io|co|uk|de|fr|es|eu|ai|us|info|html|pdf|txt|csv|py|js|exe|jpg|png|docx|xlsx|tv"


def _amount(match: regex.Match[str]) -> str:
    number, scale = match["number"], match["letters"] or match["scale"] or ""
    return f" {number} {_LETTERS_OF_SCALES.get(scale, scale)} {_SIGNS[match['sign']]} "


def _time(match: regex.Match[str]) -> str:
    hour, minute, half = match["hour"], match["minute"], match["half"]
    hour = hour.lstrip("0") or "0"
    if minute == "00":
        if half:
            return f"{hour} {half} "
        if 1 <= int(hour) <= 12:
            return f"{hour} o'clock"
        return f"{hour}00" if 13 <= int(hour) <= 24 else f"{hour} 00"
    spoken = " ".join(minute) if minute[0] == "0" else minute
    return f"{hour} {spoken} {half or ''}"


def _fraction(match: regex.Match[str]) -> str:
    whole, top, bottom = match["whole"], int(match["top"]), int(match["bottom"])
    if 60 <= top <= 260 and 30 <= bottom < top and not whole:
        return f"{top} over {bottom}"
    if not (0 < top < bottom and bottom in (2, 3, 4, 5, 6, 8, 10, 16, 32, 100, 1000)):
        return str(match[0]).replace("/", " ")
    if bottom == 2:
        name = "half"
    elif bottom == 4:
        name = "quarter" if top == 1 else "quarters"
    else:
        name = as_ordinal(bottom) + ("s" if top > 1 else "")
    return f"{whole + ' and ' if whole else ''}{top} {name}"


def _date(match: regex.Match[str]) -> str:
    first, second, year = int(match[1]), int(match[2]), match[3]
    if 1 <= first <= 12 < second <= 31:
        return f" {_MONTH_OF[first]} {second} {year} "
    if 1 <= second <= 12 < first <= 31:
        return f" {first} {_MONTH_OF[second]} {year} "
    return f" {first} {second} {year} "


def _spoken_date(day: int, month: int, year: str) -> str | None:
    return f" {_MONTH_OF[month]} {day} {year} " if 1 <= month <= 12 and 1 <= day <= 31 else None


_NO_CODES = frozenset(_ALL_UNITS) | frozenset(listed("to of in by up on am pm at no so ad bc st nd rd th or as go us"))

_NUMBER_TEXT = r"(?:[0-9]+(?:[.,][0-9]+)*|\.[0-9]+)"
_SIGN_TEXT = r"us\$|c\$|a\$|[$£€¥₹₿]"
_RULES: list[Rule] = [
    iso_date_rule(_spoken_date),
    (regex.compile(r"(?<![0-9/])([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})(?![0-9/])"), _date),
    (regex.compile(r"(?<![0-9])([0-9]{1,2})\.([0-9]{2})(?=\s?[ap]m\b)"), r"\1:\2"),
    (
        regex.compile(r"(?<![0-9:])(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?![0-9:])(?:\s?(?P<half>[ap]m)\b)?"),
        _time,
    ),
    (regex.compile(r"(?<![0-9]):(?=[0-9])|(?<=[0-9]):(?=[0-9])"), " "),
    (
        regex.compile(rf"(?<![\w$£€¥₹₿])({_SIGN_TEXT})\s?({_NUMBER_TEXT})\s?[-–]\s?\1?({_NUMBER_TEXT})(?![\w-])"),
        lambda match: f"{match[2]} to {match[1]}{match[3]}",
    ),
    (regex.compile(rf"(?<![\w-])-(?=(?:{_SIGN_TEXT})?[0-9])"), " minus "),
    (
        regex.compile(
            rf"(?<!\w)(?P<sign>{_SIGN_TEXT})\s?(?P<number>{_NUMBER_TEXT})"
            r"(?:(?P<letters>bn|mn|tn|[kmb])\b|\s?(?P<scale>hundred|thousand|million|billion|trillion)\b)?"
            r"(?!\s(?:dollars?|pounds?|euros?|rupees)\b)"
        ),
        _amount,
    ),
    (
        regex.compile(r"(?P<number>(?<![0-9.,])[0-9]+)\s?(?P<sign>[$£€¥₹])(?P<letters>)(?P<scale>)(?![0-9])"),
        _amount,
    ),
    (regex.compile(r"(?<=[0-9])\s?¢|(?<=[0-9]) ?c(?=\s+each\b)"), " cents "),
    (regex.compile(r"(?<![0-9.])([0-9]{1,2})p\b"), r"\1 pence"),
    (
        regex.compile(r"(?<![0-9/.])(?:(?P<whole>[0-9]+)\s)?(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,4})(?![0-9/])"),
        _fraction,
    ),
    *range_rules("to"),
    (regex.compile(r"(?<![0-9.])([2-9][0-9]{2})\.([0-9]{3})\.([0-9]{4})(?![0-9.])"), r"\1 \2 \3"),
    (regex.compile(r"(?<=[0-9])\.(?=[0-9])"), " point "),
    (regex.compile(r"(?<!\w)\.(?=[0-9])"), " point "),
    *measure_rules(
        percent="percent", per_mille="per mille", degrees="degrees", meters_per_second="meters per second"
    ),
    (regex.compile(r"(?<=[0-9]\s?(?:ft|feet|foot)\s[0-9]{1,2}\s?)in\b"), "inches"),
    (
        regex.compile(rf"(?<=\b(?:[mμk]?g|mcg|ml|units?))\s?/\s?({'|'.join(_PER)})\b"),
        lambda match: f" per {_PER[match[1]]}",
    ),
    (regex.compile(r"\bph\.?\s?d\b\.?"), "phd"),
    (regex.compile(r"\bext\.?(?=\s?[0-9])"), "extension"),
    (regex.compile(r"\bi-(?=[0-9])"), "i "),
    (regex.compile(r"\bn(?:o|r)?\.\s?(?=[0-9])|#\s?(?=[0-9])"), " number "),
    (regex.compile(r"#(?=[a-z]{1,3}-?[0-9])"), " number "),
    (regex.compile(r"#(?=\p{L})"), " hashtag "),
    (regex.compile(r"\bw/(?=\s)"), " with "),
    (regex.compile(r"&"), " and "),
    (regex.compile(r"@"), " at "),
    (regex.compile(r"\+"), " plus "),
    (regex.compile(r"="), " equals "),
    (regex.compile(r"(?<=[0-9]\s?)×(?=\s?[0-9])"), " times "),
    (regex.compile(r"(?<=[0-9])\s-\s(?=[0-9]+\s?=)"), " minus "),
    (regex.compile(r"(?<!\w)'(?:cause|coz|cuz)\b|\b(?:coz|cuz)\b"), "cuz"),
    (regex.compile(r"÷"), " divided by "),
    (regex.compile(r"(?<=[0-9]\s?)\*(?=\s?[0-9])"), " times "),
    (regex.compile(rf"\bst\.?\s(?=(?:{_SAINTS})\b)"), " saint "),
    (regex.compile(r"(?<=[0-9](?:st|nd|rd|th)\s)st\b"), " street "),
    (
        regex.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\.(?=\s|$|,)"),
        lambda match: match[0] if match[1] in _UNITS and _digit_before(match) else _ABBREVIATIONS[match[1]],
    ),
    (regex.compile(rf"\b({'|'.join(_BEFORE_NUMBERS)})\.(?=\s?[0-9])"), lambda match: _BEFORE_NUMBERS[match[1]]),
    (regex.compile(rf"(?<=[a-z0-9])\.(?=(?:{_TOP_DOMAINS})\b(?!\.[a-z]))"), " dot "),
    (regex.compile(rf"(?<=[a-z0-9])\.(?=(?:{_TOP_DOMAINS})\s?\.|[a-z]+ dot )"), " dot "),
    (regex.compile(r"\bwww\."), "www dot "),
]  # fmt: skip


def _digit_before(match: regex.Match[str]) -> bool:
    return str(match.string[: match.start()]).rstrip()[-1:].isdigit()


def _apart(match: regex.Match[str]) -> str:
    return " ".join(str(match[0]).replace(".", ""))


def _with_capitals(text: str) -> str:
    """Read words that only capitals distinguish from other words: "5M", "US", "IT", "WHO", "Gen. Lee"."""
    if text.isupper() or text.islower():
        return text
    text = _STREET.sub("Street", text)
    text = _SHORT_TITLES.sub(lambda match: _TITLES[match[1]], text)
    text = _WORDS_IN_CAPITALS.sub(lambda match: " ".join(match[0]), text)
    return str(_MILLIONS.sub(" million", text))


_BEFORE_OH = frozenset(listed("in of since from by until before after around late early summer winter spring fall to"))
_STREET = regex.compile(r"(?<=\b\p{Lu}\p{Ll}{2,} )St\b\.?(?=$|[,;:?!]|\s+(?:\p{Ll}|$))")
_MOBILE_NETWORK = regex.compile(r"\b(two|three|four|five|six)[ -]g\b", regex.IGNORECASE)
_MILLIONS = regex.compile(r"(?<=(?<![\w$£€¥₹₿.,])[0-9]+(?:\.[0-9]+)?)M\b")
_WORDS_IN_CAPITALS = regex.compile(r"\b(?:US(?!\$)|IT|WHO)\b(?!['’])")
_SHORT_TITLES = regex.compile(rf"\b({'|'.join(_TITLES)})\.(?=\s\p{{Lu}})")
_WORDS_OF_LETTERS = regex.compile(r"(?<![\w.])(?:u\.s|i\.t|w\.h\.o)\b(?!\.?[a-z$])\.?")
_IN_ADDRESSES = {".": "dot", "@": "at", "_": "underscore", "-": "dash"}
_GLUED = frozenset(_ALL_UNITS) | {"am", "pm"}
_ENDS = (
    frozenset(_ALL_UNITS)
    | frozenset(_CURRENCIES)
    | frozenset(_SUBUNITS)
    | frozenset(SCALES)
    | {"percent", "degrees", "am", "pm", "o'clock", "years", "year", "hours", "hour", "minutes", "minute", "days"}
    | frozenset(listed("times to of people miles and square hundred quarters half per weeks months day week month"))
    | {name for pair in _UNITS.values() for form in pair for name in form.split()}
)


def _is_year(first: str, second: str) -> bool:
    """Return True for two numbers that are read as one year: "19" "99", "20" "05", "10" "66"."""
    return 13 <= int(first) <= 20 or (10 <= int(first) <= 12 and int(second) >= 60)


def _are_thousands(groups: Sequence[str]) -> bool:
    return groups[-1] == "000" or len(groups) > 2


def _hours(words: list[str]) -> list[str]:
    """Write the hours of a clock in a uniform way: "7 pm", "7 o'clock"."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        behind = words[place + 1] if place + 1 < len(words) else ""
        if word in ("a", "p") and behind == "m" and result and (is_number(result[-1]) or result[-1] == "o'clock"):
            word = word + "m"
            place += 1
        if word in ("am", "pm") and result and result[-1] == "o'clock":
            result.pop()
        result.append(word)
        place += 1
    return result


def _fractions(words: list[str]) -> list[str]:
    result: list[str] = []
    for place, word in enumerate(words):
        before = result[-1] if result else ""
        if before == "a":
            behind = words[place + 1] if place + 1 < len(words) else ""
            mixed = len(result) > 2 and result[-2] == "and" and is_number(result[-3])
            part = word.endswith(("rd", "th")) and word[:-2].isdigit() and word[:-2] in "3 5 6 8 10"
            if word == "half" or (mixed and word in ("quarter", "3rd")) or (part and behind == "of"):
                result[-1] = "1"
        if word in ("4th", "4ths") and before in ("1", "3"):
            word = "quarter" if before == "1" else "quarters"
        result.append(word)
    return result


def _decades(words: list[str]) -> list[str]:
    """Join "19" and "90s", and write "1990's" as "1990s"."""
    result: list[str] = []
    for word in words:
        if word.endswith("'s") and is_number(word[:-2]):
            word = word[:-2] + "s"
        if (
            result
            and word.endswith("0s")
            and len(word) == 3
            and is_number(word[:2])
            and result[-1] in ("15", "16", "17", "18", "19", "20")
        ):
            result[-1] += word
        elif word == "thousands" and result and result[-1] == "2":
            result[-1] = "2000s"
        elif word == "hundreds" and result and result[-1] in ("15", "16", "17", "18", "19"):
            result[-1] += "00s"
        else:
            result.append(word)
    return result


def _dates(words: list[str]) -> list[str]:
    """Write days as "march 5th" or "5th march"."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        behind = words[place + 1 : place + 3] if word in _MONTHS or word in _SHORT_MONTHS else []
        month = _MONTHS.get(word)
        if (
            month is None
            and word in _SHORT_MONTHS
            and (
                _is_day(behind[:1]) or _is_day(result[-1:]) or (behind and len(behind[0]) == 4 and is_number(behind[0]))
            )
        ):
            month = _SHORT_MONTHS[word]
        if month is None:
            result.append(word)
            place += 1
            continue
        sure = month not in _ALSO_VERBS or not result or result[-1] in _BEFORE_DATES
        year_follows = len(behind) == 2 and len(behind[1]) == 4 and is_number(behind[1])
        if _is_day(behind[:1]) and (sure or year_follows or not is_number(behind[0])):
            result += [month, _as_day(behind[0])]
            place += 2
        elif behind[:1] == ["the"] and _is_day(behind[1:]) and not is_number(behind[1]):
            result += [month, "the", behind[1]]
            place += 3
        else:
            of = len(result) > 1 and result[-1] == "of" and _is_day(result[-2:-1]) and not is_number(result[-2])
            if of:
                result.pop()
            a_year = bool(behind) and len(behind[0]) == 4 and is_number(behind[0])
            before = result[-2] if len(result) > 1 else ""
            if _is_day(result[-1:]) and (
                of
                or not is_number(result[-1])
                or month not in _ALSO_VERBS
                or a_year
                or before in ("", "on", "since", "until", "of")
            ):
                day = _as_day(result.pop())
                if result and result[-1] == "the":
                    result.pop()
                result.append(day)
            result.append(month)
            place += 1
    return result


def _is_day(words: list[str]) -> bool:
    if not words:
        return False
    word = words[0]
    digits = word if is_number(word) else word[:-2]
    return 1 <= value_of(digits) <= 31 and digits[0] != "0" and word in (digits, as_ordinal(int(digits)))


def _as_day(word: str) -> str:
    return as_ordinal(int(word)) if is_number(word) else word


fold = Folding(
    addresses=_IN_ADDRESSES,
    thousands=",",
    rules=_RULES,
    no_codes=_NO_CODES,
    endings=_GLUED,
    spelling=common_spelling,
    compounds=closed_compounds,
    read_numbers=lambda words: _hours(read_numbers(words)),
    digits={
        "oh": ("oh", "o"),
        "oh_after": _BEFORE_OH,
        "repeats": {"double": 2, "triple": 3},
        "is_pair": _is_year,
        "spaced_thousands": _are_thousands,
        "months": _MONTHS,
    },
    thousand="thousand",
    point="point",
    conjunctions=("and",),
    scales=SCALES,
    units=_ALL_UNITS,
    amounts=_CURRENCIES,
    hundredths=_HUNDREDTHS,
    subunits=_SUBUNITS,
    codes={"word_letters": ("a", "i"), "known": _KNOWN_INITIALS, "words_too": ("us", "it", "who"), "ends": _ENDS},
    before_cleaning=_with_capitals,
    before_rules=lambda text: _WORDS_OF_LETTERS.sub(
        _apart, _MOBILE_NETWORK.sub(lambda match: f"{ONES[match[1]]}g", text)
    ),
    after_rules=without_prefix_hyphens,
    after_thousands=lambda words: _dates(_decades(_fractions(words))),
)
"""Folds a text once."""
