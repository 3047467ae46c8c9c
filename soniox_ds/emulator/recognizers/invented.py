"""Invented speech: sentences, word errors and pseudo-translations, all drawn from a seed.

Conventions: the texts have no meaning. A sentence is a list of words with punctuation attached. A pseudo-translation
maps each word, always in the same way, to syllables in the script of its language, so that alignment, grouping and
rendering can be tested without a translator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import numpy as np

__all__ = ["UNSPACED", "misheard", "pseudo_word", "sentences"]

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages written without spaces between words."""

_WORD_LIST = """
about above across after again almost along also always answer around audio August autumn back balance basket because
before begin behind believe below better between beyond bicycle bottle bottom bread bridge bring brother build button
call camera carry castle center change children choose circle city clear clock close cloud coffee cold collect color
coming common corner correct cotton country course cousin cover create cross current customer daily dance daughter
decide degree deliver dinner doctor dollar double dream drive during early earth east eight either eleven empty energy
enough evening every example family farmer favor fence field fifteen figure finally finger finish first flower follow
forest forget forty friend front garden general gentle glass golden great ground grow guess half hammer happen harbor
heavy hello history holiday honest hotel hour house hundred hurry idea important inside island January jacket journey
keep kitchen ladder lamp language large later laugh leader learn leave lemon lesson letter level listen little local
lunch machine manage market matter maybe measure meeting member middle minute mirror moment money morning mother
mountain movie music narrow nature nearly never night nine north notice number ocean offer office often only open
orange order other over paper parent partner pencil people perhaps person picture planet plenty pocket point possible
potato power present pretty problem produce promise public quarter question quick quiet rather reach ready reason
record remember repeat report rest return river road round safety salt Saturday school science season second secret
seven several shadow short silver simple sister sixty slowly small smooth soft some sound south special spring square
station still story straight street strong student sugar summer Sunday surface table taken teacher tell ten thank
theater themselves thing thirty thousand three thunder ticket today together tomorrow tonight toward travel tree
trouble twelve twenty under until upstairs useful valley very village visit voice wait walk warm watch water weather
week welcome west whether while whole window winter within without wonder wooden world write yellow yesterday young
"""
_WORDS = tuple(_WORD_LIST.split())

_SYLLABLES = {
    "latin": "an be ca da el fo ga hi in jo ka lo me na or pa qui re so ta un vi xe yu za mar ten sol ver",
    "cyrillic": "ба ве ги до жа зи ка ле мо на об по ра се ти ун фа хо чи шу эл ян",
    "greek": "αλ βε γα δι ερ ζω ηλ θα ικ κα λο μι νε ξυ οσ πα ρε σι το υπ φω χα ψι ωμ",
    "arabic": "با تا جا دا را سي شم عل في قا كل لم من نو هو ود يا",
    "hebrew": "אב בג גד דה הו וז זח חט טי יכ כל למ מנ נס סע עפ פצ צק קר רש שת",
    "devanagari": "का खे गा चि जा टी डा ता दे ना पु बा मा या रा ले वा सी हा",
    "kana": "い う え お か き く け こ さ し す せ そ た ち つ て と な に の は ひ ふ ま み も や ゆ ら り る れ わ",
    "han": "天 地 人 山 水 火 木 金 土 日 月 大 小 上 下 中 来 去 好 新 年 明 国 家 学 生 书 文",
    "hangul": "가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로 모 보 소 오 조",
    "thai": "กา ขา คา งา จา ชา ดา ตา นา บา ปา มา ยา รา ลา วา สา หา",
    "bengali": "কা খা গা চা জা টা ডা তা দা না পা বা মা রা লা সা হা",
    "gujarati": "કા ખા ગા ચા જા ટા ડા તા દા ના પા બા મા રા લા સા હા",
    "gurmukhi": "ਕਾ ਖਾ ਗਾ ਚਾ ਜਾ ਟਾ ਡਾ ਤਾ ਦਾ ਨਾ ਪਾ ਬਾ ਮਾ ਰਾ ਲਾ ਸਾ ਹਾ",
    "tamil": "கா சா டா தா நா பா மா யா ரா லா வா ழா ளா றா னா",
    "telugu": "కా గా చా జా టా డా తా దా నా పా బా మా రా లా సా హా",
    "kannada": "ಕಾ ಗಾ ಚಾ ಜಾ ಟಾ ಡಾ ತಾ ದಾ ನಾ ಪಾ ಬಾ ಮಾ ರಾ ಲಾ ಸಾ ಹಾ",
    "malayalam": "കാ ഗാ ചാ ജാ ടാ ഡാ താ ദാ നാ പാ ബാ മാ രാ ലാ സാ ഹാ",
}
_SCRIPT = {
    **dict.fromkeys(("be", "bg", "kk", "mk", "ru", "sr", "uk"), "cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur"), "arabic"),
    **dict.fromkeys(("hi", "mr"), "devanagari"),
    "bn": "bengali",
    "el": "greek",
    "gu": "gujarati",
    "he": "hebrew",
    "ja": "kana",
    "kn": "kannada",
    "ko": "hangul",
    "ml": "malayalam",
    "pa": "gurmukhi",
    "ta": "tamil",
    "te": "telugu",
    "th": "thai",
    "zh": "han",
}
_MARKS = ".,?!;:"


def sentences(rng: np.random.Generator, word_count: int) -> list[list[str]]:
    """Invent sentences of `word_count` words in all.

    >>> sentences(np.random.default_rng(7), 6)
    [['Weather', 'planet', 'reason', 'twelve', 'often', 'soft.']]
    """
    if word_count <= 0:
        return []
    words = [_WORDS[index] for index in rng.integers(len(_WORDS), size=word_count)]
    draws = rng.random(word_count)
    made: list[list[str]] = []
    current: list[str] = []
    for index, (word, draw) in enumerate(zip(words, draws, strict=True)):
        current.append(word if current else word.capitalize())
        left = word_count - index - 1
        if not left or (len(current) >= 5 and left >= 4 and draw < 0.25):
            current[-1] += "?" if draw < 0.05 else "."
            made.append(current)
            current = []
        elif len(current) >= 3 and draw > 0.93:
            current[-1] += ","
    return made


def misheard(
    words: Sequence[str], rng: np.random.Generator, error_rate: float, known: Collection[str] = ()
) -> list[tuple[str, bool]]:
    """Return the words as they are recognized, and for each whether it is wrong.

    Three in five errors are substitutions, one in five is a deletion and one in five an insertion. Words in `known`
    (the terms of a context, lower case) are never wrong, so that experiments with contexts have an effect.
    """
    hypothesis: list[tuple[str, bool]] = []
    for word, draw, kind in zip(words, rng.random(len(words)), rng.random(len(words)), strict=True):
        bare = word.strip(_MARKS)
        if draw >= error_rate or bare.lower() in known:
            hypothesis.append((word, False))
            continue
        other = _WORDS[int(kind * 1e6) % len(_WORDS)]
        if other.lower() == bare.lower():
            other = "other"
        if kind < 0.6:
            hypothesis.append((other + word[len(word.rstrip(_MARKS)) :], True))
        elif kind >= 0.8:
            hypothesis.extend([(word, False), (other, True)])
    return hypothesis


def pseudo_word(word: str, language: str, terms: Mapping[str, str]) -> str:
    """Return a translation of `word` into `language`: a translation term of the context, or syllables; marks are kept.

    >>> pseudo_word("Hello,", "ja", {}) == pseudo_word("hello,", "ja", {})
    True
    >>> pseudo_word("Celebrex.", "de", {"celebrex": "Celecoxib"})
    'Celecoxib.'
    """
    bare = word.rstrip(_MARKS)
    if not bare:
        return word
    return terms.get(bare.lower(), _syllables(bare.lower(), language)) + word[len(bare) :]


@lru_cache(maxsize=50_000)
def _syllables(word: str, language: str) -> str:
    syllables = _SYLLABLES[_SCRIPT.get(language, "latin")].split()
    digest = hashlib.sha256(f"{language}:{word}".encode()).digest()
    count = 1 + len(word) // 3
    return "".join(syllables[digest[index] % len(syllables)] for index in range(min(count, 6)))
