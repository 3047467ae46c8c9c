"""German words with several spellings and one pronunciation."""

from __future__ import annotations

from functools import lru_cache

import regex

from soniox_ds.text.spoken.writing import Phrases, listed

__all__ = ["closed_compounds", "common_spelling", "without_hyphens"]

# A variant, and the common spelling that replaces it.
_VARIANTS = """
rauh rau|rauhe raue|rauher rauer|rauhes raues|rauhen rauen|stengel stängel|behende behände|tip tipp|känguruh känguru
känguruhs kängurus|delphin delfin|delphine delfine|delphinen delfinen|phantasie fantasie|phantasien fantasien
phantastisch fantastisch|phantastische fantastische|phantasievoll fantasievoll|joghurt jogurt|joghurts jogurts
yoghurt jogurt|spaghetti spagetti|portemonnaie portmonee|ketchup ketschup|friseur frisör|friseure frisöre
friseurin frisörin|exposé exposee|varieté varietee|thunfisch tunfisch|panther panter|aufwendig aufwändig
aufwendige aufwändige|aufwendigen aufwändigen|schiffahrt schifffahrt|brennessel brennnessel|stillegung stilllegung
rolladen rollladen|rolläden rollläden|albtraum alptraum|albträume alpträume|kusine cousine|kusinen cousinen
klub club|klubs clubs|zirka circa|sauce sosse|saucen sossen|ok okay|telephon telefon|telephone telefone|photo foto
photos fotos|mikrophon mikrofon|mikrophone mikrofone|saxophon saxofon|megaphon megafon|potential potenzial
potentiale potenziale|katarrh katarr|gräuel greuel|gräulich greulich|überschwenglich überschwänglich
schneuzen schnäuzen|quentchen quäntchen|mayonnaise majonäse|fuer für|ueber über|koennen können|koennte könnte
muessen müssen|wuerde würde|wuerden würden|waere wäre|haette hätte|moechte möchte|spaeter später
natuerlich natürlich|zurueck zurück|schoen schön|groesser grösser|dr doktor|prof professor|hr herr|frl fräulein
etc etcetera|bzw beziehungsweise|ca circa|ggf gegebenenfalls|evtl eventuell|inkl inklusive|exkl exklusive
bspw beispielsweise|vgl vergleiche|mio millionen|mrd milliarden|tsd tausend|zzgl zuzüglich|gemse gämse|gemsen gämsen
bettuch betttuch|stop stopp|ät at|jhd jahrhundert|jh jahrhundert|nr nummer
"""
_WORDS = dict(pair.split() for pair in listed(_VARIANTS, "|"))
# Words that become other words with "ss".
_SHARP = frozenset(listed("maße maßen maßes buße bußen flöße flößen schöße ruße rußen aß aßen geschoße"))
_PARTS = (
    (regex.compile(r"(?<=\p{L}{2})graph|^graph(?=i)"), "graf"),
    (regex.compile(r"(?<=tele|mikro|mega|saxo|xylo|grammo)phon"), "fon"),
    (regex.compile(r"photo(?!n)"), "foto"),
    (regex.compile(r"^(durch)?numerier"), r"\1nummerier"),
    (regex.compile(r"^plazier"), "platzier"),
    (regex.compile(r"selbständig"), "selbstständig"),
    (regex.compile(r"(?<=\p{L}{3}n)tiell"), "ziell"),
)
_JOINED = """
so dass|auf grund|an hand|zu gunsten|zu lasten|mit hilfe|im stande|zu hause|nach hause|an stelle|von seiten|in frage
zu folge|zu grunde|zu rande|zu stande|zur zeit|kennen lernen|kennen gelernt|wie viel|wie viele|wie vielen|so viel
so viele|so genannte|so genannten|so genannter|so genanntes|um so|irgend jemand|irgend etwas|irgend wie|irgend wo
irgend wann|irgend ein|eben so|statt finden|stattgefunden|rad fahren|auto fahren|e mail|e mails|e bike|e bikes
e book|e books|u bahn|u bahnen|s bahn|s bahnen|t shirt|t shirts|u boot|u boote|w lan|web seite|web seiten|home page
online shop|online shops|haus aufgaben|wochen ende|hand schuhe|fuss ball|fern sehen|web site|web sites
sonder angebot|vor ort|zu sammen|da mit|auf einander|mit einander|durch einander|aneinander geraten|fertig stellen
fest stellen|klar kommen|sauber machen|kaputt machen|weiter gehen|zurück kommen|bei spiel|allein stehend|all zu
all zu viel|noch mal|nordrhein westfalen|baden württemberg|rheinland pfalz|sachsen anhalt|mecklenburg vorpommern
schleswig holstein|hans peter|karl heinz|klaus peter|hans jürgen|eva maria|anna lena|karl heinz|hans georg|genau so
dem nach|drei viertel
"""
_NOT_JOINED = ("da mit", "vor ort", "auto fahren", "um so", "fest stellen", "drei viertel")
_JOINS = Phrases(
    {
        **{phrase: phrase.replace(" ", "") for phrase in listed(_JOINED, "|") if phrase not in _NOT_JOINED},
        "um so": "umso",
        "et cetera": "etcetera",
        "und so weiter": "usw",
        "o k": "okay",
        "ist gleich": "gleich",
    }
)
_HYPHEN = regex.compile(r"(?<=\p{L})-(?=\p{L})")


def closed_compounds(words: list[str]) -> list[str]:
    """Write compounds that occur as one word and as several as one word.

    >>> closed_compounds(["so", "dass", "wir", "zu", "hause"])
    ['sodass', 'wir', 'zuhause']
    """
    return _JOINS(words)


def without_hyphens(text: str) -> str:
    """Join the parts of hyphenated compounds ("Online-Shop" is "Onlineshop")."""
    return str(_HYPHEN.sub("", text)) if "-" in text else text


@lru_cache(maxsize=50_000)
def common_spelling(word: str) -> str:
    """Return the common spelling of a word with several spellings.

    >>> [common_spelling(word) for word in ("daß", "Maße".lower(), "photograph", "strasse", "potentiell")]
    ['dass', 'maße', 'fotograf', 'strasse', 'potenziell']
    """
    if "ß" in word and word not in _SHARP:
        word = word.replace("ß", "ss")
    if word in _WORDS:
        return _WORDS[word]
    for pattern, replacement in _PARTS:
        word = pattern.sub(replacement, word)
    return word
