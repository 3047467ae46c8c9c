"""Tags in references.

Conventions: a tag names a sound or a gap (``<unk>``, ``[noise]``, ``{NS}``). Angle, square and curly brackets are
treated as tags unless their content is clearly speech: ``[I think so]``, the ``{D you know}`` of Switchboard, the
``<my my> [/]`` of CHAT. Round brackets and asterisks hold speech too, and are tags only around the name of an event:
``(laughs)`` is a tag, ``(as you know)`` is not. Words without any mark are tags only if they are words of no language
(``SPN``, ``xxx``).
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import regex

__all__ = ["FLAGS", "UNINTELLIGIBLE", "may_hold_tags", "tag_pattern", "tags_in", "without_tags"]

UNINTELLIGIBLE = r"""unk(?:nown)?|inaudible|unintelligible|indistinct|indiscernible|unclear|untranscribed|foreign|
    redacted|xxx|yyy|no[ _-]?transcript(?:ion)?|not[ _-]transcribed|ignore_time_segment_in_scoring|unverständlich\w*|
    ininteligible|inintelligible|incomprensible|聞き取り不能|听不清"""
"""Descriptions of speech that could not be understood."""
_EVENT = rf"""{UNINTELLIGIBLE}|
    laugh\w*|chuckl\w*|giggl\w*|cough\w*|sneez\w*|sniff\w*|breath\w*|inhal\w*|exhal\w*|sigh\w*|gasp\w*|groan\w*|moan\w*|
    cry(?:ing)?|cries|sob\w*|yawn\w*|snor\w*|hum(?:s|ming)|whistl\w*|mumbl\w*|mutter\w*|whisper\w*|scream\w*|shout\w*|
    throat|lip|lips|smack\w*|click\w*|tsk|applau\w*|clap\w*|cheer\w*|music\w*|sing(?:s|ing)|noise\w*|noisy|static|beep\w*|
    bleep\w*|buzz\w*|hiss\w*|ring(?:s|ing)|knock\w*|bang\w*|footsteps?|slam\w*|bark\w*|silence|silent|sil|pause\w*|
    cross-?talk|overlap\w*|background|speak(?:s|ing)|talk(?:s|ing)|chatter\w*|doors?\ \w+|hesitat\w*|filler|sound\w*|
    ns|nsn|spn|lau|lgh|brth|vocnoise|noi|sta|int|pp[lbco]|blank_audio|event|
    lach\w*|kicher\w*|husten|hustet|räusper\w*|geräusch\w*|rauschen|musik|applaus|beifall|stille|atm\w*|
    risas?|ríen?|tos|tose|ruidos?|música|aplausos|silencio|suspir\w*|
    rires?|rit|rient|toux|tousse|bruits?|musique|applaudissements|soupir\w*|
    笑\w*|拍手|音楽|雑音|咳\w*|噪音|音乐|掌声|呼吸\w*"""
_HESITATION = r"uhm?|uhh+|umm*|erm|ehm|hmm*|mmm*|öhm?|ähm?|euh|heu"
"""Hesitations that are not also other words; they are tags if a mark stands before or around them."""
_SYLLABLE = r"(?:la|na|da|doo?|ba|tra|hm+|mm+|oo+h?|ah+)"
"""Syllables that are sung without words."""
_SPEECH = (
    r"i|you|he|she|it|we|they|is|are|was|were|am|be|my|your|our|do|did|have|had|not|ich|du|er|sie|wir|yo|je|tu|nous"
)
FLAGS = regex.IGNORECASE | regex.VERBOSE

_NAMES_EVENT = rf"(?=(?:[^()（）*\n]*?[^\w(（*])?(?:{_EVENT})(?!\w))(?![^()（）*\n]*\b(?:{_SPEECH})\b)"
_NO_SPEECH = rf"""(?:(?=(?:{_EVENT})(?!\w))|(?![^\[\]\n]*\b(?:i|you|we|my|your|our)\b)
    (?:(?=[^\[\]\n]*?\b(?:{_EVENT})(?!\w))|(?![^\[\]\n]*\p{{Ll}}[.?!,]\s*\])))"""
"""Excludes the words of two people at once, which CORAAL writes in square brackets."""
_BARE = (
    r"(?-i:SPN|NSN|spn|nsn|UNK|(?:SPOKEN|VOCALIZED)[_-]NOISE)(?![\w'’/-]|\.\w)|"
    r"(?<!\b(?:bowl|chapter|part|book|volume|psalm|rated|size|triple)\s)(?-i:xxx|yyy)(?![\w'’/@-]|\.\w)|"
    r"(?<!\bthe\s)(?-i:www)(?![\w'’/@-]|\.\w|\s+(?:dot|punkt|punto|point)\b)"
)
"""Tags that are words of no language."""
_TAG = rf"""
    \[\[[^\[\]\n]*\]\] | (?<!\w)[\[［【]{_NO_SPEECH}[^\[\]［］【】\n]*[\]］】](?!\w)
    | \[(?:{_EVENT})[^\[\]\n]*\]                          # a word may touch the name of an event
    | \{{\{{[^{{}}\n]*\}}\}} | [{{｛][^{{}}｛｝\n]*[}}｝]
    | </?(?![\s\d<=])[^<>\n]{{0,80}}(?<!\s)>
    | [(（]{_NAMES_EVENT}(?:\s*[^\s()（）]+){{1,5}}\s*[)）]
    | \((?:%\w+|{_HESITATION})\)
    | \(\d?\.\d*\)                                        # a pause, in seconds
    | (?<!\*)\*+{_NAMES_EVENT}[^\s*](?:[^*\n]{{0,38}}[^\s*])?\*+
    | (?<!\*)\*+(?:{_HESITATION})\*+(?!\w)
    | (?<!\S)//(?:{_EVENT})//(?!\S)
    | (?<!\S)/(?:{UNINTELLIGIBLE}|\?+|RD-\w+(?:-\d+)?)/(?!\w)
    | (?<!\S)(?P<mark>[\#+~@]|__?)(?:{_EVENT}|reject)(?P=mark)(?!\S)
    | (?<!\S)\+\+\w+\+\+(?!\S) | (?<!\S)[!%~\#](?:{_EVENT})(?!\w)
    | (?<!\S)&=[\w:]+ | (?<!\S)&(?:[-+~]|\*\w{{3}}:)\w[\w'’:-]*                       # of CHAT
    | (?<!\S)[&%](?:{_HESITATION}|er|[eao]h|em|huh)(?![\w;-])                            # of CHAT and LDC
    | (?<!\S)\+(?:\.{{2,3}}\??|//?[.?]|!\?|"[/.]*|[<^,])(?!\S)                             # ends of utterances, in CHAT
    | (?<=\p{{L}})@(?-i:[bcdfgiklnopqtux]|fp|si|sl|wp|s(?::[a-z]{{2,3}})?)(?![\w.@'’])       # kinds of words, in CHAT
    | (?<!\S)(?:°h+|h+°|\.hh+)(?!\S) | (?<!\S)@@+(?!\S)                                  # breath and laughter
    | [♪♫♬🎵🎶]\s*(?:(?:{_SYLLABLE}|{_EVENT})[\s,~-]*)+[♪♫♬🎵🎶]
    | (?<![\w'’/@\#$.-])(?:{_BARE})
    """
_SAID_INSIDE = regex.compile(
    rf"""
    \[(?i:laugh(?:ter|ing)?)-(?P<said>[^\[\]\s]+)\]                       # said while laughing, in Switchboard
    | \{{[ACDEF]\s+(?P<said>[^{{}}\n]*)\}}                                 # fillers and the like, in Switchboard
    | \[\s(?P<said>[^\[\]\n]*)\s\+(?P<again>\s[^\[\]\n]*)\]               # said again, in Switchboard
    | <(?!/?(?i:{_EVENT})\W)(?P<said>[^<>\n]*)>(?=\s*\[(?:/|[*?!<>]+\d*\]|=|%|x\ \d))   # said again, in CHAT
    | <(?P<mark>[@A-Z]+)\s(?P<said>[^<>\n]*)\s(?P=mark)>                   # said in some manner, in Santa Barbara
    """,
    regex.VERBOSE,
)
_MARKS = frozenset("[{<(*+&!%~#/@°_♪♫♬🎵🎶［【｛（")
_PARTS_OF_BARE_TAGS = ("SPN", "NSN", "spn", "nsn", "UNK", "NOISE", "xxx", "yyy", "www", ".h", ".H")
"""A text that has none of these and none of the marks holds no tags."""


@cache
def tag_pattern() -> regex.Pattern[str]:
    """Return the pattern of tags, which is compiled at its first use, because that takes 60 ms."""
    return regex.compile(_TAG, FLAGS)


def without_tags(text: str) -> str:
    """Remove the tags from a text.

    >>> without_tags("hello <unk> there [noise] (laughs) {NS} *coughs* <b>you</b>").split()
    ['hello', 'there', 'you']
    >>> without_tags("I said (as you know) that *everybody* can call (555) 0199, [laughter-yes]")
    'I said (as you know) that *everybody* can call (555) 0199, yes'
    """
    if not may_hold_tags(text):
        return text
    while (unwrapped := _SAID_INSIDE.sub(_words_inside, text)) != text:
        text = unwrapped
    return str(tag_pattern().sub(" ", text))


def may_hold_tags(text: str) -> bool:
    """Return False if a text certainly holds no tags, which takes far less time to find out than a search for tags.

    >>> may_hold_tags("hello there"), may_hold_tags("5 & 6"), may_hold_tags("xxx")
    (False, True, True)
    """
    return not _MARKS.isdisjoint(text) or any(part in text for part in _PARTS_OF_BARE_TAGS)


def _words_inside(match: regex.Match[str]) -> str:
    return f"{match['said']}{match['again'] or ''}"


def tags_in(text: str) -> Counter[tuple[str, str]]:
    """Count the tags of a text, each with the speech inside it ("" if there is none).

    >>> dict(tags_in("well [laughter-yes] <unk>"))
    {('[laughter-yes]', 'yes'): 1, ('<unk>', ''): 1}
    """
    tags: Counter[tuple[str, str]] = Counter()
    if not may_hold_tags(text):
        return tags
    while unwrapped := [(match[0], _words_inside(match)) for match in _SAID_INSIDE.finditer(text)]:
        tags.update(unwrapped)
        text = _SAID_INSIDE.sub(_words_inside, text)
    tags.update((match[0], "") for match in tag_pattern().finditer(text))
    return tags
