"""English words with several spellings and one pronunciation."""

from __future__ import annotations

from functools import lru_cache

import regex

from soniox_ds.text.spoken.writing import Phrases, join_prefixes, listed

__all__ = ["closed_compounds", "common_spelling", "without_prefix_hyphens"]

# A variant, and the common spelling that replaces it.
_VARIANTS = """
centre center|centres centers|centred centered|centring centering|metre meter|metres meters|litre liter
litres liters|theatre theater|theatres theaters|fibre fiber|fibres fibers|calibre caliber|lustre luster
meagre meager|sabre saber|sombre somber|spectre specter|sepulchre sepulcher|ochre ocher|mitre miter
kilometre kilometer|kilometres kilometers|centimetre centimeter|centimetres centimeters|goitre goiter
millimetre millimeter|millimetres millimeters|millilitre milliliter|millilitres milliliters|nanometre nanometer
nanometres nanometers|micrometre micrometer|micrometres micrometers|manoeuvre maneuver|manoeuvres maneuvers
manoeuvred maneuvered|manoeuvring maneuvering|catalogue catalog|catalogues catalogs|catalogued cataloged
cataloguing cataloging|dialogue dialog|dialogues dialogs|analogue analog|analogues analogs|monologue monolog
monologues monologs|epilogue epilog|epilogues epilogs|prologue prolog|prologues prologs|homologue homolog
homologues homologs|defence defense|defences defenses|offence offense|offences offenses|licence license
licences licenses|pretence pretense|pretences pretenses|practise practice|practised practiced|practising practicing
practises practices|grey gray|greys grays|greyer grayer|greyish grayish|tyre tire|tyres tires|kerb curb|kerbs curbs
cheque check|cheques checks|chequebook checkbook|programme program|programmes programs|plough plow|ploughs plows
ploughed plowed|ploughing plowing|draughty drafty|draught draft|draughts drafts|sceptic skeptic|sceptics skeptics
sceptical skeptical|scepticism skepticism|storey story|storeys stories|gaol jail|pyjamas pajamas|pyjama pajama
moustache mustache|moustaches mustaches|cosy cozy|cosier cozier|mould mold|moulds molds|moulded molded
moulding molding|mouldy moldy|smoulder smolder|smouldering smoldering|moult molt|axe ax|ageing aging
judgement judgment|judgements judgments|acknowledgement acknowledgment|acknowledgements acknowledgments
doughnut donut|doughnuts donuts|whiskey whisky|whiskeys whiskies|yoghurt yogurt|yoghurts yogurts|omelette omelet
omelettes omelets|adviser advisor|advisers advisors|jewellery jewelry|jeweller jeweler|marvellous marvelous
woollen woolen|instalment installment|instalments installments|enrol enroll|enrols enrolls|enrolment enrollment
enrolments enrollments|fulfil fulfill|fulfils fulfills|fulfilment fulfillment|skilful skillful|skilfully skillfully
wilful willful|wilfully willfully|distil distill|instil instill|appal appall|artefact artifact|artefacts artifacts
analyse analyze|analysed analyzed|analysing analyzing|analyser analyzer|paralyse paralyze|paralysed paralyzed
paralysing paralyzing|catalyse catalyze|catalysed catalyzed|catalysing catalyzing|dialyse dialyze
hydrolyse hydrolyze|hydrolysed hydrolyzed|connexion connection|inflexion inflection|ok okay|o'k okay|okey okay
thru through|tonite tonight|nite night|hiccough hiccup|encyclopaedia encyclopedia|mediaeval medieval
aesthetic esthetic|aesthetics esthetics|aesthetically esthetically|foetus fetus|foetuses fetuses|foetal fetal
oedema edema|oesophagus esophagus|oesophageal esophageal|oestrogen estrogen|faeces feces|faecal fecal
diarrhoea diarrhea|gonorrhoea gonorrhea|caesarean cesarean|caesarian cesarean|cesarian cesarean|leukaemia leukemia
anaemia anemia|anaemic anemic|archaeology archeology|archaeologist archeologist|archaeologists archeologists
archaeological archeological|tumour tumor|homoeopathy homeopathy|homoeopathic homeopathic|coeliac celiac
caecum cecum|haematoma hematoma|ischaemia ischemia|ischaemic ischemic|hypoglycaemia hypoglycemia
hyperglycaemia hyperglycemia|septicaemia septicemia|bacteraemia bacteremia|apnoea apnea|dyspnoea dyspnea
sulphur sulfur|sulphate sulfate|sulphates sulfates|sulphide sulfide|sulphuric sulfuric|councillor councilor
councillors councilors|counsellor counselor|counsellors counselors|cancelled canceled|cancelling canceling
traveller traveler|travellers travelers|travelled traveled|travelling traveling|labelled labeled|labelling labeling
modelled modeled|modelling modeling|fuelled fueled|fuelling fueling|signalled signaled|signalling signaling
levelled leveled|levelling leveling|dialled dialed|dialling dialing|totalled totaled|totalling totaling
channelled channeled|channelling channeling|tunnelled tunneled|tunnelling tunneling|quarrelled quarreled
quarrelling quarreling|counselled counseled|counselling counseling|equalled equaled|equalling equaling
initialled initialed|marshalled marshaled|panelled paneled|panelling paneling|pencilled penciled|rivalled rivaled
shovelled shoveled|shovelling shoveling|spiralled spiraled|spiralling spiraling|swivelled swiveled
towelling toweling|trialled trialed|trialling trialing|funnelled funneled|funnelling funneling|unravelled unraveled
unravelling unraveling|worshipped worshiped|worshipping worshiping|worshipper worshiper|kidnapped kidnaped
focussed focused|focussing focusing|biassed biased|benefitted benefited|benefitting benefiting|likeable likable
sizeable sizable|loveable lovable|moveable movable|saleable salable|unshakeable unshakable|grandad granddad
barbeque barbecue|barbeques barbecues|bbq barbecue|tranquillity tranquility|chilli chili|chillies chilies
chilis chilies|hallo hello|hullo hello|eyeing eying|mollusc mollusk|molluscs mollusks|disc disk|discs disks
premiss premise|phoney phony|gramme gram|grammes grams|kilogramme kilogram|kilogrammes kilograms
milligramme milligram|milligrammes milligrams|per-cent percent|naïve naive|café cafe|cafés cafes|fiancé fiance
fiancée fiancee|cliché cliche|clichés cliches|façade facade|façades facades|déjà deja|décor decor|entrée entree
jalapeño jalapeno|jalapeños jalapenos|piñata pinata|señor senor|touché touche|rôle role|protégé protege|sauté saute
sautéed sauteed|crème creme|brûlée brulee|matinée matinee|naïveté naivete|née nee|über uber|coöperate cooperate
"""
# Contractions that are also understood without their apostrophe, because there is no such word.
_CONTRACTIONS = """
don't doesn't didn't isn't aren't wasn't weren't hasn't haven't hadn't couldn't wouldn't shouldn't mustn't needn't ain't
y'all you're they're you've they've we've i've you'd they'd you'll they'll that's there's what's who's where's here's
how's could've should've would've might've must've it'll that'll i'm
"""
# "Is" is contracted behind these words, where behind others "'s" is a genitive.
_BEFORE_IS = listed("it that there he she what who where here how when")
_BEFORE_HAS = ("it", "that", "there", "he", "she", "what", "who", "where", "how")
_HAS = listed("been got become had")  # behind "it's", "has" and not "is" is meant
_NEGATED = listed("do does did is are was were has have had could would should must need")
_FULL_FORMS = {
    "can't": "cannot",
    "won't": "will not",
    "shan't": "shall not",
    "let's": "let us",
    "i'm": "i am",
    **{f"{word}n't": f"{word} not" for word in _NEGATED},
    **{f"{word}'re": f"{word} are" for word in ("you", "we", "they", "there", "what", "who", "where")},
    **{f"{word}'ve": f"{word} have" for word in listed("i you we they could should would might must who there")},
    **{f"{word}'ll": f"{word} will" for word in listed("i you he she it we they that there who what this")},
    **{f"{word}'s": f"{word} is" for word in _BEFORE_IS},
    **{f"{word}'s {has}": f"{word} has {has}" for word in _BEFORE_HAS for has in _HAS},
}
"""Contractions written out: which of the two was said is hardly heard, and everybody writes it otherwise."""
_WORDS = {
    **dict(pair.split() for pair in listed(_VARIANTS, "|")),
    **{word.replace("'", ""): word for word in listed(_CONTRACTIONS)},
    # Titles and short forms that are always read in full.
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "prof": "professor",
    "jr": "junior",
    "sr": "senior",
    "sgt": "sergeant",
    "blvd": "boulevard",
    "dept": "department",
    "govt": "government",
    "messrs": "messieurs",
    "vs": "versus",
    "etc": "etcetera",
    "approx": "approximately",
}
_OUR = regex.compile(
    r"(arb|ard|arm|behavi|belab|cand|clam|col|discol|demean|enam|endeav|fav|ferv|flav|glam|harb|hon|dishon|hum|lab|"
    r"misdemean|multicol|neighb|od|parl|ranc|rig|rum|sav|savi|splend|succ|tum|val|vap|vig|watercol|disfav|technicol)our"
    r"(?=$|ed$|ing$|s$|able$|ably$|ite$|ites$|er$|ers$|ful$|fully$|less$|y$|hood$|hoods$|al$|ally$|ist$|ists$|ism$|"
    r"ings$|ation$|ly$|itism$|istic$|some$)"
)
_ISE = regex.compile(r"([a-z]{3,})is(e|ed|es|ing|er|ers|ation|ations|ational|able)")
# Beginnings of words in -ise and -ize.
_IZED_WORDS = """
organ real recogn apolog modern minim maxim optim summar author character categor critic emphas energ equal final
formal general global harmon hospital immun initial jeopard legal local material mechan memor mobil monopol national
neutral normal penal personal polar popular priorit privat randomn random regular revolution sensit social special
stabil standard steril stigmat subsid symbol synchron synthes terror token uncivil civil urban util vandal victim
visual vocal analog anonym brutal capital central colon computer crystal custom demon democrat digit dramat econom
fantas fertil galvan hypnot ideal individual industrial internal italic item lion magnet marginal metabol miniatur
nasal natur oxid pasteur pressur profession public pulver ration rational scrutin sexual tantal theor trivial vapor
western reorgan disorgan agon amort antagon atom bapt canon catheter cauter commercial crimin decentral demoral
destabil empath euthan evangel external familiar glamor human hydrogen hypothes immobil institutional iod ion liberal
lobotom mesmer moistur motor nebul operational ostrac patron plagiar proselyt satir secular serial solemn strateg
sympath systemat traumat tranquill tyrann weapon
"""
_IZED = frozenset(listed(_IZED_WORDS))
_PREFIXES = (
    ("haemo", "hemo"),
    ("haema", "hema"),
    ("paedi", "pedi"),
    ("orthopaed", "orthoped"),
    ("anaesthe", "anesthe"),
    ("gynaeco", "gyneco"),
    ("palaeo", "paleo"),
)
# Compounds that are written both as one word and as two.
_COMPOUNDS = """
e mail|e mails|e commerce|e book|e books|web site|web sites|web page|web pages|health care|off line|any more
life style|data base|data bases|home page|home work|house hold|lap top|lap tops|note book|smart phone|smart phones
voice mail|week end|week ends|work place|work shop|work shops|work flow|work flows|work station|work force|work load
back ups|break through|break throughs|bed room|bath room|class room|class rooms|court room|news paper|news papers
news letter|news letters|news room|air port|air ports|air craft|air line|air lines|space craft|day time|night time
life time|over time|every body|every thing|every where|any thing|some body|some thing|some where|no where
grand mother|grand father|grand parents|grand son|grand daughter|step mother|step father|birth day|birth days
foot ball|basket ball|base ball|volley ball|soft ball|play ground|sun shine|sun light|moon light|head ache
head aches|heart beat|blood stream|tooth brush|tooth paste|finger print|finger prints|key board|key boards|key word
key words|pass word|user name|user names|file name|file names|time line|time lines|time stamp|time stamps|time table
dead line|dead lines|head line|head lines|guide line|guide lines|out line|out come|out comes|feed back|life long
soft ware|hard ware|fire wall|fire fighter|fire fighters|police man|sales person|chair man|chair woman|business man
business men|business woman|child care|day care|skin care|chat bot|chat bots|pod cast|pod casts|live stream
screen shot|screen shots|spread sheet|spread sheets|check list|check lists|check point|road map|road maps|land mark
land marks|earth quake|earth quakes|rain fall|snow fall|rain bow|wild life|sea food|break fast|cup cake|tea spoon
tea spoons|table spoon|table spoons|butter fly|honey moon|motor cycle|motor way|rail way|rail road|cross roads
side walk|water fall|under ground|under standing|up dates|up load|up grade|with out|with in|through out|mean while
never the less|none the less|further more|more over|there fore|can not|all right|anti biotic|anti biotics
post graduate|under graduate|co operate|co operation|co ordinate|co ordinates|co ordinated|co ordination
co ordinator|co worker|co workers|co founder|co pilot|re used|non profit|non profits|non stop|non fiction|non smoker
non smokers|multi lingual|multi media|multi national|semi final|semi finals|semi conductor|semi conductors
pre school|pre pay|pre paid|post war|mid night|mid day|mid week|socio economic|super market|super markets|super man
inter national|inter net|wi fi|blue tooth|you tube|face book|git hub|java script|pay pal|start ups|trade off
trade offs|drop down|lock down|count down|life saver|baby sitter|baby sitting|decision maker|decision makers
policy maker|policy makers|t shirt|t shirts|x ray|x rays|u turn|good bye|help desk|paper work|pay check|pay roll
pipe line|play list|play lists|pre view|proof read|quarter back|run way|safe guard|sea side|sky scraper|snow board
spot light|stock pile|store front|sub title|sub titles|sub total|sun set|sun rise|tax payer|tax payers|team mate
team mates|touch screen|trade mark|white board|whole sale|wind mill|wood work|wrong doing|country side|down town
up town|down stairs|up stairs|along side|follow up|follow ups|set up|back up|log in|check in|check out|work out
start up|take over|make up|break down|shut down|slow down|print out|cut off|pay off|lay out|roll out|turn over
stand by|every one|some times|any body|any one|no one|a lot|a while|every day|long term|short term|full time
part time|real time|web cam|cell phone|ice cream|life span|time frame|time frames|tool kit|tool box|birth place
book store|drug store|back pack|back ground|back yard|bath tub|bed time|bee hive|blue print|brain storm|car pool
cook book|cross road|dish washer|door bell|drive way|ear ring|ear rings|eye brow|eye brows|farm land|fire place
fire works|flash light|gold fish|grape fruit|green house|hair cut|hand book|hand writing|high light|high lights
high way|high ways|home town|house wife|land lord|land slide|light house|light weight|mail box|milk shake|mind set
neck lace|net work|net works|night mare|out door|out doors|pan cake|pan cakes|pass port|pine apple|post card
rain coat|sand box|sea shore|ship wreck|shop keeper|side line|small pox|snow man|sub division|sun flower|sun glasses
sun screen|sweet heart|table cloth|text book|text books|thunder storm|tooth pick|under dog|under line|wall paper
water melon|web master|week day|week days|wheel chair|work book|work day|year book
"""
_PREFIX_WORDS = ("non", "anti", "multi", "semi", "pre")
_HYPHENATED = {"co", "re", "pre", "non", "anti", "multi", "semi", "sub", "un", "e", "bi", "inter", "ultra", "super"}

_JOINS = Phrases(
    {
        **{phrase: phrase.replace(" ", "") for phrase in listed(_COMPOUNDS, "|")},
        **_FULL_FORMS,
        "can not": "cannot",
        "all right": "alright",
        "per cent": "percent",
        "et cetera": "etcetera",
        "oh kay": "okay",
        "o k": "okay",
        "o' clock": "o'clock",
        "o clock": "o'clock",
        "oclock": "o'clock",
    }
)
# "re-sign" is not "resign".
_APART = (
    "re-(?:sign|creat|cover|form|press|sort|stor|treat|serv|mark|lay|lease|dress|prov|sound|pos|strain|sent|act)|"
    "pre-sent|un-ion|co-op(?![a-z])"
)
_HYPHEN = regex.compile(rf"(?<![\p{{L}}\p{{N}}'-])(?!{_APART})({'|'.join(sorted(_HYPHENATED))})-(?=\p{{L}}{{2}})")


def closed_compounds(words: list[str]) -> list[str]:
    """Write compounds that occur as one word and as several as one word.

    >>> closed_compounds(["per", "cent", "of", "web", "sites"])
    ['percent', 'of', 'websites']
    """
    return join_prefixes(_JOINS(words), _PREFIX_WORDS)


def without_prefix_hyphens(text: str) -> str:
    """Join prefixes that are written with a hyphen ("co-operate") to their words."""
    return _HYPHEN.sub(r"\1", text) if "-" in text else text


@lru_cache(maxsize=50_000)
def common_spelling(word: str) -> str:
    """Return the common spelling of a word with several spellings.

    >>> [common_spelling(word) for word in ("colour", "neighbours", "organised", "centre", "surprise")]
    ['color', 'neighbors', 'organized', 'center', 'surprise']
    """
    if word in _WORDS:
        return _WORDS[word]
    if not word.isascii() or not word.isalpha() or len(word) < 5:
        return word
    word = _OUR.sub(r"\1or", word) if "our" in word else word
    if (match := _ISE.fullmatch(word)) is not None and _is_ise_variant(match[1], match[2]):
        word = f"{match[1]}iz{match[2]}"
    for british, american in _PREFIXES:
        if word.startswith(british):
            return american + word.removeprefix(british)
    return word


def _is_ise_variant(stem: str, ending: str) -> bool:
    if ending.startswith("ation"):
        return stem not in ("improv",)
    return stem in _IZED or any(stem == prefix + base for prefix in ("re", "de", "un", "over") for base in _IZED)
