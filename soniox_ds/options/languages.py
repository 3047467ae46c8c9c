"""The 60 languages of the service, and suggestions for misspelt language codes.

Conventions: a code is two lower-case letters, without script or region (``zh``, never ``zh-TW``). Every language can be
transcribed, and translated into every other language. Source: Soniox documentation, supported languages (v4 models).
"""

from __future__ import annotations

import difflib

__all__ = ["LANGUAGES", "language_code", "suggest_language"]

# Each entry is the code, the English name, and the three-letter codes of ISO 639 for the same language.
_TABLE = """
af Afrikaans afr | sq Albanian sqi alb als | ar Arabic ara arb | az Azerbaijani aze azj | eu Basque eus baq
be Belarusian bel | bn Bengali ben | bs Bosnian bos | bg Bulgarian bul | ca Catalan cat | zh Chinese zho chi cmn
hr Croatian hrv | cs Czech ces cze | da Danish dan | nl Dutch nld dut | en English eng | et Estonian est ekk
fi Finnish fin | fr French fra fre | gl Galician glg | de German deu ger | el Greek ell gre | gu Gujarati guj
he Hebrew heb | hi Hindi hin | hu Hungarian hun | id Indonesian ind | it Italian ita | ja Japanese jpn
kn Kannada kan | kk Kazakh kaz | ko Korean kor | lv Latvian lav lvs | lt Lithuanian lit | mk Macedonian mkd mac
ms Malay msa may zsm | ml Malayalam mal | mr Marathi mar | no Norwegian nor nob nno | fa Persian fas per pes
pl Polish pol | pt Portuguese por | pa Punjabi pan | ro Romanian ron rum | ru Russian rus | sr Serbian srp
sk Slovak slk slo | sl Slovenian slv | es Spanish spa | sw Swahili swa swh | sv Swedish swe | tl Tagalog tgl
ta Tamil tam | te Telugu tel | th Thai tha | tr Turkish tur | uk Ukrainian ukr | ur Urdu urd | vi Vietnamese vie
cy Welsh cym wel
"""
_ROWS = [entry.split() for line in _TABLE.strip().splitlines() for entry in line.split("|")]

LANGUAGES: dict[str, str] = {code: name for code, name, *_ in _ROWS}
"""English name of each two-letter code."""

# Country codes and retired codes that people type for a language, and other codes and names of the language.
# Codes that belong to another language (si, my, br) are left out, because a suggestion would mislead.
_ALIASES = {
    **{other: code for code, _, *others in _ROWS for other in others},
    **{name.casefold(): code for code, name in LANGUAGES.items()},
    **dict.fromkeys(["nb", "nn", "bokmal", "bokmål", "nynorsk"], "no"),
    **dict.fromkeys(["fil", "ph", "filipino"], "tl"),
    **dict.fromkeys(["cn", "tw", "mandarin", "中文"], "zh"),
    **dict.fromkeys(["jp", "日本語"], "ja"),
    **dict.fromkeys(["kr", "한국어"], "ko"),
    **dict.fromkeys(["cz", "čeština"], "cs"),
    **dict.fromkeys(["gr", "ελληνικά"], "el"),
    **dict.fromkeys(["dk", "dansk"], "da"),
    **dict.fromkeys(["se", "svenska"], "sv"),
    **dict.fromkeys(["ua", "українська"], "uk"),
    **dict.fromkeys(["iw", "עברית"], "he"),
    **dict.fromkeys(["ir", "farsi", "فارسی"], "fa"),
    **dict.fromkeys(["us", "gb"], "en"),
    **dict.fromkeys(["mx", "sp", "castilian", "español"], "es"),
    **dict.fromkeys(["ger", "deutsch"], "de"),
    **dict.fromkeys(["français"], "fr"),
    **dict.fromkeys(["italiano"], "it"),
    **dict.fromkeys(["português"], "pt"),
    **dict.fromkeys(["flemish", "nederlands"], "nl"),
    **dict.fromkeys(["polski"], "pl"),
    **dict.fromkeys(["русский"], "ru"),
    **dict.fromkeys(["türkçe"], "tr"),
    **dict.fromkeys(["panjabi"], "pa"),
    **dict.fromkeys(["slovene"], "sl"),
    "in": "id",
    "vn": "vi",
    "ee": "et",
    "rs": "sr",
    "by": "be",
    "हिन्दी": "hi",
    "العربية": "ar",
}


def language_code(text: str) -> str | None:
    """Return the two-letter code of a language that is named by a code, in English or in itself, or None.

    Examples
    --------
    >>> [language_code(text) for text in ("EN", "en_us", "deu", "cmn-Hans-CN", "english", "Portugese")]
    ['en', 'en', 'de', 'zh', 'en', None]
    """
    name = text.strip().casefold()
    for candidate in (name, name.replace("_", "-").partition("-")[0]):
        if candidate in LANGUAGES:
            return candidate
        if candidate in _ALIASES:
            return _ALIASES[candidate]
    return None


def suggest_language(text: str) -> str | None:
    """Return the language code that was probably meant, or None if no code or name is similar.

    Examples
    --------
    >>> [suggest_language(text) for text in ("english", "jp", "nb", "zh-TW", "EN", "Portugese", "klingon")]
    ['en', 'ja', 'no', 'zh', 'en', 'pt', None]
    """
    if code := language_code(text):
        return code
    name = text.strip().casefold()
    if len(name) < 4:  # Two or three letters resemble too many codes for a useful suggestion.
        return None
    near = difflib.get_close_matches(name, [name.casefold() for name in LANGUAGES.values()], n=1, cutoff=0.75)
    return _ALIASES[near[0]] if near else None
