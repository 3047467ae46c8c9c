"""Spanish words with several spellings and one pronunciation."""

from __future__ import annotations

import regex

from soniox_ds.text.spoken.writing import Phrases, join_prefixes, listed

__all__ = ["closed_compounds", "common_spelling", "without_prefix_hyphens"]

# A variant, and the common spelling that replaces it.
_VARIANTS = """
sólo solo|éste este|ésta esta|éstos estos|éstas estas|ése ese|ésa esa|ésos esos|ésas esas|aquél aquel
aquélla aquella|aquéllos aquellos|aquéllas aquellas|guión guion|fué fue|fuí fui|dió dio|vió vio|tí ti|fé fe|pié pie
rió rio|méjico méxico|mejicano mexicano|mejicana mexicana|mejicanos mexicanos|mejicanas mexicanas
sicología psicología|sicólogo psicólogo|sicóloga psicóloga|sicológico psicológico|siquiatra psiquiatra
siquiatría psiquiatría|substancia sustancia|substancias sustancias|substituir sustituir|substitución sustitución
subscripción suscripción|subscribir suscribir|güisqui whisky|whiskey whisky|cinc zinc|harmonía armonía|yerba hierba
yerbas hierbas|yedra hiedra|kiosco quiosco|kioscos quioscos|quilo kilo|quilos kilos|quilómetro kilómetro
quilómetros kilómetros|okey okay|ok okay|oka okay|carné carnet|chalé chalet|bidé bidet|parqué parquet|debú debut
irak iraq|iraquí iraquí|bisté bistec|jenjibre jengibre|reúma reuma|exámen examen|jóven joven|órden orden|ví vi
construído construido|destruído destruido|incluído incluido|huída huida|jesuíta jesuita|setiembre septiembre
sicosis psicosis|seudónimo pseudónimo|periódo período|folklore folclore|folklórico folclórico|sr señor|sra señora
srta señorita|dr doctor|dra doctora|ud usted|uds ustedes|vd usted|vds ustedes|etc etcétera|etcetera etcétera
obscuro oscuro|obscura oscura|obscuros oscuros|obscuras oscuras|obscuridad oscuridad|futbol fútbol|video vídeo
videos vídeos|períodos periodos|período periodo|chofer chófer|coctel cóctel|ícono icono|íconos iconos
olimpíada olimpiada|olimpíadas olimpiadas|cardíaco cardiaco|cardíaca cardiaca|policíaco policiaco
policíaca policiaca|austríaco austriaco|maníaco maniaco|zodíaco zodiaco|amoníaco amoniaco|beisbol béisbol
alvéolo alveolo|elite élite|elites élites|dínamo dinamo|tfno teléfono|sres señores|sras señoras|dres doctores
gral general|pza plaza|máx máximo|mín mínimo|cía compañía|aprox aproximadamente|núm número|pág página|págs páginas
tel teléfono|avda avenida|dpto departamento|prof profesor|profa profesora|sto santo|sta santa
"""
_WORDS = {left: right for left, right in (pair.split() for pair in listed(_VARIANTS, "|")) if left != right}
_JOINS = Phrases(
    {
        phrase: phrase.replace(" ", "")
        for phrase in listed(
            "en seguida|medio día|cumple años|mal humor|s a|tal vez|medio ambiente|media noche|de prisa|arco iris|"
            "en frente|entre tanto|o sea|e mail|e mails|on line|off line|wi fi|smart phone|smart phones|web site|"
            "pen drive|sub título|sub títulos|por ciento|vice presidente|vice presidenta|auto estima|auto escuela|"
            "anti virus|anti cuerpos|super mercado|i v a|o n u|u e|e e u u|ee uu|o t a n|o m s|a d n|a v e|r a e|"
            "u s a|u r s s|u n a m|p i b|o k|d n i|a r n|i r p f|f b i|c i a|i d|a c|a p p|e e g|u c i|i a|o v n i|"
            "e t a|e r e|u b a|i m c",
            "|",
        )
    }
    | {"o k": "okay", "por cien": "porciento", "así mismo": "asimismo"}
)
_PREFIX = regex.compile(
    r"(?<![\p{L}\p{N}-])(ex|anti|pre|post|pos|super|sub|semi|auto|vice|multi|inter|contra|co|re|e|micro|macro|mini|tele|"
    r"bio|neo|pro|ultra|hiper|infra|intra|extra|socio|foto|video)-(?=\p{L}{2})"
)


def closed_compounds(words: list[str]) -> list[str]:
    """Write compounds that occur as one word and as several as one word.

    >>> closed_compounds(["cinco", "por", "ciento", "tal", "vez", "ex", "ministro"])
    ['cinco', 'porciento', 'talvez', 'exministro']
    """
    return join_prefixes(_JOINS(words), ("ex",))


def without_prefix_hyphens(text: str) -> str:
    """Join prefixes that are written with a hyphen to their words."""
    return str(_PREFIX.sub(r"\1", text)) if "-" in text else text


def common_spelling(word: str) -> str:
    """Return the common spelling of a word with several spellings.

    >>> [common_spelling(word) for word in ("sólo", "guión", "méjico", "casa")]
    ['solo', 'guion', 'méxico', 'casa']
    """
    return _WORDS.get(word, word)
