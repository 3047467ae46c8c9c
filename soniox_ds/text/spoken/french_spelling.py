"""French words with several spellings and one pronunciation, including the spellings of 1990."""

from __future__ import annotations

from functools import lru_cache

import regex

from soniox_ds.text.spoken.writing import Phrases, join_prefixes, listed

__all__ = ["closed_compounds", "common_spelling", "without_compound_hyphens"]

# A variant, and the common spelling that replaces it.
_VARIANTS = """
oignon ognon|oignons ognons|nénuphar nénufar|nénuphars nénufars|crèmerie crémerie|cèleri céleri
allègement allégement|allègrement allégrement|sècheresse sécheresse|abrègement abrégement|aiguë aigüe|aiguës aigües
ambiguë ambigüe|ambiguës ambigües|ambiguïté ambigüité|ambiguïtés ambigüités|exiguë exigüe|contiguë contigüe
combattif combatif|combattive combative|charriot chariot|charriots chariots|imbécillité imbécilité
persifler persiffler|boursoufler boursouffler|relais relai|joaillier joailler|clef clé|clefs clés|yogourt yaourt
yoghourt yaourt|yogourts yaourts|cuiller cuillère|cuillers cuillères|bistrot bistro|bistrots bistros|lys lis
tzar tsar|tannin tanin|phantasme fantasme|phantasmes fantasmes|gaîté gaieté|gaité gaieté|saoul soul|saoule soule
saouls souls|paîment paiement|payement paiement|payements paiements|week-end weekend|mail mail|mèl mail|okay ok
okey ok|kilogs kilos|dolmen dolmen|assoir asseoir|règlementation réglementation|règlementaire réglementaire
règlementaires réglementaires|réglement règlement|événement évènement|événements évènements
événementiel évènementiel|demie demi|demies demi|iceberg iceberg|shampoing shampooing|shampoings shampooings
spaghettis spaghetti|média média|médias médias|mme madame|mmes mesdames|mlle mademoiselle|mlles mesdemoiselles
dr docteur|pr professeur|etc etcétéra|etcetera etcétéra|svp s'il-vous-plait|rdv rendez-vous|tél téléphone
env environ|bd boulevard|bvd boulevard|nb nombre|quelqu'un quelqu'un|grand'mère grandmère|apr après|càd c'est-à-dire
ste sainte|mr monsieur
"""
_DROPPED = frozenset(("lys", "pr", "apr", "nb", "ste", "week-end"))
_WORDS = {
    left: right.replace("-", " ")
    for left, right in (pair.split() for pair in listed(_VARIANTS, "|"))
    if left != right and left not in _DROPPED
}
# Words that become other words without the circumflex.
_CIRCUMFLEX = frozenset(listed("dû mûr mûre mûrs mûres sûr sûre sûrs sûres jeûne jeûnes crû fût fûts croît"))
_JOINS = Phrases(
    {
        phrase: phrase.replace(" ", "")
        for phrase in listed(
            "week end|week ends|porte monnaie|porte parole|porte clés|porte manteau|plate bande|tire bouchon|"
            "auto école|auto écoles|auto stop|extra terrestre|chauve souris|extra terrestres|plate forme|"
            "plate formes|pique nique|pique niques|entre temps|e mail|e mails|hot dog|hot dogs|base ball|"
            "basket ball|foot ball|hand ball|volley ball|micro ondes|porte feuille|contre temps|haut parleur|"
            "hauts parleurs|wi fi|on line|web cam|smart phone|o n u|a d n|u s a|i v a|r a t p|o m s|a n p e|o t a n|"
            "s a m u|c i a|p i b|d v d|v t t|r e r|long temps|lors que|puis que|quelque fois|mal gré",
            "|",
        )
    }
    | {"o k": "ok", "et cetera": "etcétéra", "et caetera": "etcétéra"}
)
_HYPHENATED = regex.compile(
    r"(?<![\p{L}\p{N}-])(ex|anti|pré|post|super|sub|semi|auto|vice|multi|inter|contre|co|re|e|micro|macro|mini|télé|"
    r"bio|néo|pro|ultra|hyper|infra|intra|extra|socio|photo|vidéo|électro|agro|aéro)-(?=\p{L}{2})"
)


def closed_compounds(words: list[str]) -> list[str]:
    """Write compounds that occur as one word and as several as one word.

    >>> closed_compounds(["ce", "week", "end", "un", "ex", "ministre"])
    ['ce', 'weekend', 'un', 'exministre']
    """
    return join_prefixes(_JOINS(words), ("ex",))


def without_compound_hyphens(text: str) -> str:
    """Join prefixes that are written with a hyphen to their words."""
    return str(_HYPHENATED.sub(r"\1", text)) if "-" in text else text


@lru_cache(maxsize=50_000)
def common_spelling(word: str) -> str:
    """Return the common spelling of a word with several spellings.

    >>> [common_spelling(word) for word in ("connaître", "août", "sûr", "oignon", "cœur", "événement")]
    ['connaitre', 'aout', 'sûr', 'ognon', 'coeur', 'évènement']
    """
    if "î" in word or "û" in word:
        stem = word.rpartition("'")[2]
        if stem not in _CIRCUMFLEX:
            word = word.replace("î", "i").replace("û", "u")
    word = word.replace("œ", "oe").replace("æ", "ae")
    elision, apostrophe, stem = word.rpartition("'")
    return elision + apostrophe + _WORDS[stem] if stem in _WORDS else _WORDS.get(word, word)
