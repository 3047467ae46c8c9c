"""The texts of the voices, by topic, and the conversations.

Conventions: every sentence was written for this project. A voice reads each text exactly as it is written here, without
the braces, and the same text is the reference. Braces mark terms: rare names that may be given to the recogniser. Clock
times and numbers from ten up are mostly in digits. Words that are spelt differently in American and British English are
avoided, because voices of both kinds may read the same text.
"""

from __future__ import annotations

import re

__all__ = ["CONVERSATIONS", "TOPICS", "plain", "terms_of"]

TOPICS: dict[str, tuple[str, ...]] = {
    "travel": (
        "The 9:40 train to {Lindenhof} is running about 15 minutes late this morning.",
        "Could you tell me which bus goes past the old post office?",
        "We missed the ferry by two minutes and had to wait until noon.",
        "My suitcase went to {Antwerp}, although my ticket said {Oporto}.",
        "Turn left after the bridge, then keep to the river for 3 miles.",
        "There were 240 people on board, and only one of them could speak Danish.",
        "The road over the pass stays closed from November to the end of April.",
        "Is there a room with a view of the river?",
        "She rode her bicycle from {Ghent} to {Salamanca} in 31 days.",
        "Please have your passports ready before you reach the gate.",
        "The cable car takes 12 people at a time and leaves every half hour.",
    ),
    "health": (
        "Take one tablet of {ramipril} after breakfast, and drink plenty of water.",
        "The X-ray shows a small crack in the left wrist, nothing worse.",
        "Her blood pressure was 150 over 95 when she came in.",
        "Do you feel any pain when I press here?",
        "We changed the {warfarin} to {apixaban} because of the bruises.",
        "The nurse will call you on Thursday with the results.",
        "He has been coughing for three weeks, mostly at night.",
        "Keep the bandage dry, and come back in 10 days.",
        "The physiotherapist showed me four exercises for my shoulder.",
        "Two drops of {latanoprost} in each eye before you go to sleep.",
        "How many hours do you sleep on an ordinary night?",
    ),
    "software": (
        "The build failed because the {Terraform} plan was older than the branch.",
        "Please restart the server after you change the time zone.",
        "We moved 80 gigabytes of logs from {Elasticsearch} to cold storage.",
        "Who approved the change that broke the login page?",
        "The test passes on my laptop but hangs on the small machine.",
        "{Celery} retries the task five times and then gives up.",
        "Open the settings, choose keyboard, and turn off the shortcut.",
        "The new release reads old files, but old releases cannot read new files.",
        "Our certificate expires on the 14th of March at midnight.",
        "I rewrote the parser in {Rust}, and now it needs half the memory.",
        "Does the backup include the photos, or only the database?",
    ),
    "shopping": (
        "These boots cost 89 dollars last week and 65 today.",
        "I would like two loaves of rye bread and a dozen eggs.",
        "Do you have this coat in a smaller size?",
        "The lamp came without a bulb, and the shade has a scratch.",
        "If you buy three jars of honey, the fourth one is free.",
        "We close at half past six, but the bakery stays open longer.",
        "Can I pay by card, or do you only take cash?",
        "The blue paint is on the top shelf, next to the brushes.",
        "Your parcel weighs 4 pounds and arrives on Friday.",
        "They sell cheese from {Gruyere} and wine from {Rioja} on Saturdays.",
        "He returned the kettle because it took ages to boil.",
    ),
    "weather": (
        "Fog in the valleys will clear by ten, and the afternoon will be sunny.",
        "A storm from the northwest brings gusts of up to 70 miles an hour.",
        "It has not rained here since the second week of June.",
        "Will there be frost on the roads tomorrow morning?",
        "The thermometer at the airport showed minus 18 degrees.",
        "Snow turned to sleet, and sleet turned to rain before dawn.",
        "The lake froze so hard that trucks could drive across it.",
        "Clouds are building over {Mount Tarvos}, so take a coat.",
        "Last night's thunder shook the windows and woke the dog.",
        "Expect a mild and windy week with showers near the coast.",
    ),
    "people": (
        "My landlady {Ottilie Brandt} plays the cello every Sunday.",
        "Have you met {Kwame}, who repairs the clocks in the tower?",
        "{Siobhan} and her brother run the only cinema on the island.",
        "The twins were born on the same day as their grandfather.",
        "Professor {Takahashi} writes every letter with a fountain pen.",
        "Nobody in our family can whistle except my aunt {Zdenka}.",
        "She speaks slowly, listens well, and never forgets a name.",
        "{Rafael Quintero} swam across the strait at the age of 61.",
        "Our new teacher collects stamps, beetles, and old maps.",
        "Who is the tall man beside {Ingeborg} in this photograph?",
        "They have been friends since the first day of school.",
    ),
    "cooking": (
        "Peel 6 potatoes, cut them into thin slices, and rinse them well.",
        "Let the dough rest under a damp cloth until it doubles in size.",
        "Add a spoon of {tahini}, the juice of a lemon, and a little salt.",
        "How long should the beans soak before I cook them?",
        "Heat the oven to 400 degrees and bake the pie for 45 minutes.",
        "The soup needs more pepper, but please do not add any garlic.",
        "Stir the rice gently so that it does not stick to the pan.",
        "My grandmother made {goulash} with paprika from {Szeged}.",
        "Toast the almonds first, because that brings out the taste.",
        "Pour the cream over the berries just before you serve them.",
    ),
    "history": (
        "The bridge was finished in 1874 and burned down nine years later.",
        "For two centuries this street was the border between two kingdoms.",
        "Miners found the cave while they were looking for silver.",
        "Why did the queen send her ships so far to the south?",
        "The letters of {Wenceslas Hollar} describe the plague year in detail.",
        "Around 300 families left the valley when the dam was built.",
        "The oldest bell in the tower was cast from melted cannons.",
        "Nobody knows who painted the ceiling of the small chapel.",
        "The peace lasted 40 years, and the walls were never used.",
        "In the winter of 1709 even the canals of {Venice} froze.",
        "They carried the printing press across the mountains in pieces.",
    ),
    "office": (
        "The meeting moves to room 5, because the projector here is broken.",
        "Please send me the figures for the third quarter by noon.",
        "Our budget for travel is 12 percent smaller than last year.",
        "Who is taking the minutes today?",
        "I am out of the office until Wednesday and will answer then.",
        "The contract with {Halvorsen} ends on the last day of August.",
        "We hired four people in {Leipzig} and two in {Tampere}.",
        "The printer on the second floor is out of paper again.",
        "Let us vote on the first proposal and discuss the others next week.",
        "Could everybody please mute their microphones while she speaks?",
        "The customer ordered 1,500 chairs and paid for half of them.",
    ),
    "sport": (
        "She won the race by less than a tenth of a second.",
        "The goalkeeper broke his thumb in the 83rd minute.",
        "Did you see how {Marchetti} took that last corner?",
        "Our team trains on Tuesdays and Fridays, even in the rain.",
        "It took them 14 hours to climb the north face of the {Eiger}.",
        "The final score was 3 to 1, but the game was closer than that.",
        "He threw the javelin 80 yards and then fell over.",
        "Bring two rackets, a towel, and shoes with a clean sole.",
        "The crowd sang until long after the lights went out.",
        "Nobody under 16 may use the climbing wall alone.",
        "They rowed against the wind and still finished second.",
    ),
}

CONVERSATIONS: tuple[tuple[str, tuple[str, str], tuple[tuple[str, ...], ...]], ...] = (
    (
        "travel",
        ("af_sarah", "bm_daniel"),
        (
            ("Good evening, I booked a single room for two nights.",),
            ("Welcome.", "May I have your name, please?"),
            ("It is Morgan, with an O.",),
            ("Thank you.", "Room 17, and breakfast is from seven until ten."),
            ("Is there a quiet side?", "I sleep very badly next to roads."),
            ("Then I will give you room 22, above the garden.",),
        ),
    ),
    (
        "health",
        ("am_michael", "bf_alice"),
        (
            ("What brings you here today?",),
            ("My knee hurts when I walk down the stairs.",),
            ("Since when?", "Did you fall?"),
            ("No, it began after a long hike about two weeks ago.",),
            ("Let us try rest and ice first, and see each other in 10 days.",),
        ),
    ),
    (
        "software",
        ("af_nova", "am_onyx"),
        (
            ("The page has been white since this morning.",),
            ("Which browser are you using?",),
            ("The one that came with the laptop, I think.",),
            ("Could you hold down the shift key and reload?",),
            ("Oh, that works.", "What was wrong?"),
            ("It kept an old copy of one file.", "I will open a ticket."),
        ),
    ),
    (
        "shopping",
        ("bf_isabella", "am_puck"),
        (
            ("How much are the red apples?",),
            ("Three dollars a bag, or two bags for five.",),
            ("I will take two, and one cabbage.",),
            ("Anything else?", "The plums came in today."),
            ("No thanks, that is all I can carry.",),
        ),
    ),
    (
        "weather",
        ("bm_george", "af_kore"),
        (
            ("Do you think we can sail tomorrow?",),
            ("The forecast says strong wind until the early afternoon.",),
            ("And after that?",),
            ("Then it drops to 10 knots, with sun from the west.",),
            ("Good, let us meet at the pier at two.",),
        ),
    ),
    (
        "people",
        ("af_bella", "im_nicola"),
        (
            ("You must be the new tenant.", "I am Helen."),
            ("Nice to meet you, I moved in on Saturday.",),
            ("If the heater makes a noise, just hit it twice.",),
            ("Thank you, I was already wondering about that.",),
            ("And the bins are collected every second Monday.",),
        ),
    ),
    (
        "cooking",
        ("em_alex", "bf_emma"),
        (
            ("The sauce is far too thin.", "What can I do?"),
            ("Let it boil without a lid for a quarter of an hour.",),
            ("I have no time for that, they arrive at eight.",),
            ("Then stir in a spoon of flour with some cold water.",),
            ("All right.", "Please taste it when you get here."),
        ),
    ),
    (
        "history",
        ("bm_lewis", "af_heart"),
        (
            ("This tower is the oldest building in the town.",),
            ("Was it ever used as a prison?",),
            ("Yes, for about 60 years, until the fire of 1811.",),
            ("And the clock?", "It looks much younger."),
            ("A farmer gave it to the town after a very good harvest.",),
        ),
    ),
    (
        "office",
        ("bf_lily", "am_fenrir"),
        (
            ("Shall we move the interview to Thursday?",),
            ("Thursday is fine, but not before 11.",),
            ("Half past eleven then, in the small room.",),
            ("Who else is coming?",),
            ("Only the two of us, and she brings her portfolio.",),
            ("Great, I will order some coffee.",),
        ),
    ),
    (
        "sport",
        ("am_adam", "pf_dora"),
        (
            ("Are you ready for the marathon?",),
            ("Almost, I ran 18 miles on Sunday.",),
            ("How did your feet feel afterwards?",),
            ("Terrible, so I bought new shoes.",),
            ("Never wear new shoes on the day of the race.",),
        ),
    ),
    (
        "travel",
        ("hf_alpha", "bm_fable"),
        (
            ("Excuse me, is this seat taken?",),
            ("No, please sit down.",),
            ("Does this train stop at the airport?",),
            ("It does, in about 25 minutes.", "Where are you flying?"),
            ("Home, after four months at sea.",),
        ),
    ),
    (
        "office",
        ("af_river", "zm_yunjian"),
        (
            ("The delivery is missing 40 of the 200 boxes.",),
            ("That is strange, the truck left here full.",),
            ("Could you check the list once more?",),
            ("I see it now, the rest comes on a second truck.",),
            ("Please tell us next time.", "The whole hall was waiting."),
        ),
    ),
)
"""Topic, the two voices and the turns of each conversation; the voices take turns."""


def plain(text: str) -> str:
    """Return a text without the braces round its terms."""
    return re.sub(r"[{}]", "", text)


def terms_of(text: str) -> list[str]:
    """Return the terms of a text, in their order."""
    return re.findall(r"{([^}]+)}", text)
