"""Invisible characters, and characters with several spellings.

Conventions: two spellings are unified if they are pronounced alike and most readers cannot tell them apart: full-width
letters, ligatures, presentation forms, digits of any script, invisible marks. Differences that can be heard are kept:
combining marks (vowel signs, accents, tones), and joiners that visibly separate or connect the letters of a word. The
compatibility decompositions are Unicode's (NFKC), except those that would change the reading: ``10²`` is not ``102``,
``1½`` is not ``11/2``, ``™`` is not ``tm``, and the Thai ``ำ`` stays whole.
"""

from __future__ import annotations

import unicodedata

import regex

__all__ = [
    "APOSTROPHES",
    "is_invisible",
    "one_spelling",
    "without_case",
    "without_case_but_dots",
    "without_vowel_marks",
]

APOSTROPHES = frozenset("'’‘‛´`ʹʻʼʽʾʿˈ′΄᾽᾿՚׳ߴߵꞋꞌ＇｀")
"""Characters that are typed as apostrophes. They are apostrophes between two letters; elsewhere some are quotes."""

_NON_JOINER, _JOINER = "\u200c", "\u200d"
_INVISIBLE_RANGES = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # inherent vowels of Khmer, which Unicode says not to use
    (0x180B, 0x180F),  # variation selectors and the vowel separator of Mongolian
    (0x200E, 0x200F),  # marks of direction
    (0x202A, 0x202E),
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors, among them those of emoji
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags and further variation selectors
)
_ENCLOSING = range(0x20DD, 0x20E5)  # the keycap among them: it is drawn around the character before
_TATWEEL = "\u0640"
_KEPT_WHOLE = frozenset("\u0e33\u0eb3™℠")  # Thai and Lao "am", which NFKC takes apart; signs that are not read
_KEPT_RANGES = (
    (0x3131, 0x318E),  # Korean letters that stand alone: laughter, for one
    (0x1F100, 0x1F2FF),  # emoji that hold letters
)
_SAME_SOUND = {
    "ی": "ي",  # Persian and Arabic keyboards have one letter at two code points
    "ک": "ك",
    "ۀ": "ه\u0654",
    "ٱ": "ا",  # a letter of the Quran, joined in speech
    "ș": "ş",  # Romanian has its s and t with a comma or, from old code pages, with a cedilla
    "ț": "ţ",
    "Ș": "Ş",
    "Ț": "Ţ",
    "٫": ".",  # separators of Arabic numbers
    "٬": ",",
    "٪": "%",
    "؉": "‰",
    "−": "-",
    "⁄": "/",
    "∕": "/",
    "∶": ":",
    "∼": "~",
    "⋅": "·",
    "∙": "·",
    "˚": "°",
    "゛": "\u3099",
    "゜": "\u309a",
}


def is_invisible(char: str) -> bool:
    """Return True for an invisible, silent character, such as a variation selector, directional mark or soft hyphen.

    Enclosing marks, such as the keycap of emoji, are included. The zero-width joiner, the zero-width non-joiner and the
    zero-width space are not included, because they can separate letters or words.
    """
    code = ord(char)
    return any(low <= code <= high for low, high in _INVISIBLE_RANGES) or code in _ENCLOSING


class _Spellings(dict[int, str]):
    """The unified spelling of each character. It is computed when a character is first looked up."""

    def __missing__(self, code: int) -> str:
        self[code] = spelling = _spelling(chr(code))
        return spelling


def _spelling(char: str) -> str:
    code = ord(char)
    if char == _TATWEEL or is_invisible(char):
        return ""
    if char in _SAME_SOUND:
        return _SAME_SOUND[char]
    if char in APOSTROPHES or char in _KEPT_WHOLE or any(low <= code <= high for low, high in _KEPT_RANGES):
        return char
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.decimal(char))
    kind, _, _ = unicodedata.decomposition(char).partition(" ")
    if not kind.startswith("<"):
        return char
    plain = unicodedata.normalize("NFKC", char)
    if kind == "<fraction>":
        return f" {plain.replace('⁄', '/')} "
    if plain.startswith(" ") and len(plain) > 1:  # a mark on its own: a spacing accent, or an Arabic form of a vowel
        return plain.strip() if kind in ("<isolated>", "<medial>") else char
    # Some forms contain further letters with two code points, and in forms with a tatweel it only carries the line.
    return "".join(_SAME_SOUND.get(part, "" if part == _TATWEEL else part) for part in plain)


_SPELLINGS = _Spellings()

_POWER = regex.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹₀-₉])")  # 10² is not a number of three digits
_ORDINAL_DOT = regex.compile(r"(?<=\d)\.(?=[ºª])")  # Spanish writes 1.º and 1º
_NEIGHBOURS_MATTER = regex.compile("[\u200b-\u200d\u0e33\u0e4d\u0eb3\u0ecd]|\u0e40\u0e40|\u0ec0\u0ec0")
_CHILLU = dict(zip("ണനരലളകറ", "ൺൻർൽൾൿർ", strict=True)) | {"ত": "ৎ"}
_OLD_CHILLU = regex.compile(f"([{''.join(_CHILLU)}])[\u0d4d\u09cd]{_JOINER}")
_ANY_JOINER = regex.compile(
    rf"(?P<heard>(?<=[\u09b0\u09f0])[{_NON_JOINER}{_JOINER}](?=\u09cd))"  # Bengali: without it, r closes the syllable
    rf"|(?P<divides>(?<=\p{{jt=D}}\p{{M}}*){_NON_JOINER}(?=\p{{M}}*[\p{{jt=D}}\p{{jt=R}}]))"  # two forms of a letter
    rf"|[{_NON_JOINER}{_JOINER}]"
)
_ZERO_WIDTH_SPACE = "\u200b"
_UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff]"
_BETWEEN_UNSPACED = regex.compile(rf"(?<={_UNSPACED}){_ZERO_WIDTH_SPACE}+(?={_UNSPACED})")
_THAI_TONES, _LAO_TONES = "\u0e48-\u0e4b", "\u0ec8-\u0ecb"


def one_spelling(text: str) -> str:
    """Unify characters that can be written in several ways, and remove invisible characters.

    >>> one_spelling("ＳＩＭ １２"), one_spelling("كتـــاب"), one_spelling("1️⃣ ❤️"), one_spelling("ﬁrst ½ l, 10²")
    ('SIM 12', 'كتاب', '1 ❤', 'first  1/2  l, 10 2')
    """
    if text.isascii():
        return text
    text = _ORDINAL_DOT.sub("", _POWER.sub(" ", unicodedata.normalize("NFC", text)))
    text = unicodedata.normalize("NFC", text.translate(_SPELLINGS))
    return _by_neighbours(text) if _NEIGHBOURS_MATTER.search(text) else text


def _by_neighbours(text: str) -> str:
    """Unify characters that depend on their neighbours: joiners, and vowels of Thai and Lao in another order."""
    if _JOINER in text or _NON_JOINER in text:
        text = _OLD_CHILLU.sub(lambda match: _CHILLU[match[1]], text)
        text = _ANY_JOINER.sub(
            lambda match: _JOINER if match["heard"] else _NON_JOINER if match["divides"] else "", text
        )
    if _ZERO_WIDTH_SPACE in text:
        text = _BETWEEN_UNSPACED.sub("", text).replace(_ZERO_WIDTH_SPACE, " ")
    text = text.replace("\u0e40\u0e40", "\u0e41").replace("\u0ec0\u0ec0", "\u0ec1")
    for am, circle, long_a, tones in (
        ("\u0e33", "\u0e4d", "\u0e32", _THAI_TONES),
        ("\u0eb3", "\u0ecd", "\u0eb2", _LAO_TONES),
    ):
        if am in text or circle in text:
            text = regex.sub(f"{circle}([{tones}]?){long_a}", rf"\1{am}", text)
            text = regex.sub(f"([{tones}]){circle}{long_a}", rf"\1{am}", text)
            text = regex.sub(f"{am}([{tones}])", rf"\1{am}", text)
    return text


def without_case(text: str) -> str:
    """Fold case, so that two words are equal if their capitals are written alike.

    Full case folding makes ``ß`` and ``SS`` equal, since both have the capitals SS. The same holds for the four letters
    i of Turkish: the capitals of ``ısı`` are those of ``isi`` in every other language. The disadvantage is that small
    ``ı`` and ``i`` become equal; if the language is known, `without_case_but_dots` distinguishes them.

    >>> without_case("İstanbul"), without_case("DIYARBAKIR") == without_case("Diyarbakır")
    ('istanbul', True)
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFC", text.casefold())
    if "ı" in text or "\u0307" in text:
        text = regex.sub("(?<=[iįj])\u0307", "", text.replace("ı", "i"))
    return text


def without_case_but_dots(text: str) -> str:
    """Fold case as in Turkish and Azerbaijani: ``I`` is the capital of ``ı``, and ``İ`` that of ``i``.

    >>> without_case_but_dots("ISPARTA, İzmir")
    'ısparta, izmir'
    """
    text = unicodedata.normalize("NFC", text).replace("I", "ı").replace("İ", "i")
    return str(regex.sub("(?<=[iįj])\u0307", "", unicodedata.normalize("NFC", text.casefold())))


_VOWEL_MARKS = regex.compile(
    "["
    "\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "]"
)


def without_vowel_marks(text: str) -> str:
    """Remove the vowel marks of Arabic (harakat) and Hebrew (niqqud), and the signs of recitation.

    Marks that make a different letter (``آ أ إ``) and the marks of all other scripts are kept.

    >>> without_vowel_marks("كِتَابٌ"), without_vowel_marks("שָׁלוֹם"), without_vowel_marks("निम्बू")
    ('كتاب', 'שלום', 'निम्बू')
    """
    if text.isascii():
        return text
    return str(_VOWEL_MARKS.sub("", one_spelling(text)))
