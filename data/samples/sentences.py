"""The sentences of the samples, their speakers, and the format of each recording.

Conventions: every sentence was written for this project. A text is given to the voice as it stands here and is the
reference as it stands here; clock times, measures and numbers from ten up are mostly in digits, small numbers and
numbers read out digit by digit (`seven four one nine`) in words. Times are milliseconds; levels are dBFS, root mean
square over the 10 ms frames in which somebody speaks. A voice's name says who it is: first letter ``a`` American or
``b`` British, second ``f`` female or ``m`` male.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SAMPLES", "Sample", "Turn"]


@dataclass(frozen=True)
class Turn:
    """A turn of one voice."""

    voice: str
    sentences: tuple[str, ...]
    gap_ms: int | None = None
    """Silence since the turn before; negative where the two overlap; None for one drawn from the seed."""

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample recording."""

    file: str
    topic: str
    turns: tuple[Turn, ...] = ()
    rate_hz: int = 16_000
    codec: str
    bit_rate: int | None = None
    """Bits per second; None where the codec loses nothing."""
    level_dbfs: float = -23.0
    snr_db: float | None = None
    """Speech level over the level of the added noise; None for a clean recording, which has a faint noise floor."""
    speed: float = 1.0
    silence_ms: int = 0
    """How long the recording is where nobody speaks."""
    terms: tuple[str, ...] = ()
    """Context terms: words that recognition should be told of."""

    @property
    def audio_id(self) -> str:
        return self.file.rpartition(".")[0]

    @property
    def reference(self) -> str:
        """The text of the recording, in the order in which the turns begin."""
        return " ".join(turn.text for turn in self.turns)

    @property
    def kind(self) -> str:
        """`reading` or `conversation`; empty where nobody speaks."""
        voices = {turn.voice for turn in self.turns}
        return "" if not voices else "reading" if len(voices) == 1 else "conversation"

    @property
    def condition(self) -> str:
        return "silent" if not self.turns else "clean" if self.snr_db is None else "noisy"


def turn_of(voice: str, *sentences: str, gap_ms: int | None = None) -> Turn:
    return Turn(voice, sentences, gap_ms)


SAMPLES: tuple[Sample, ...] = (
    Sample(
        file="garden_centre_call.ogg",
        topic="customer service",
        codec="libopus",
        bit_rate=24_000,
        turns=(
            turn_of("af_heart", "Willow Lane Garden Centre, good morning.", "What can I do for you?"),
            turn_of("bm_george", "Good morning.", "I ordered two apple trees last week, and only one of them arrived."),
            turn_of("af_heart", "I am sorry about that.", "Could you read me the order number, please?"),
            turn_of("bm_george", "It should be on the green label.", "Yes, it says seven four one nine."),
            turn_of(
                "af_heart", "Thank you.", "The second tree was too tall for the van, so it went back to our nursery."
            ),
            turn_of("bm_george", "I see.", "When can you bring it?", "I will be away from Friday until Sunday."),
            turn_of("af_heart", "Then Thursday morning would be best.", "Our driver could be with you before 11."),
            turn_of("bm_george", "Thursday is perfect, thank you."),
        ),
    ),
    Sample(
        file="choir_practice.mp3",
        topic="arrangements",
        codec="libmp3lame",
        bit_rate=32_000,
        turns=(
            turn_of("bf_emma", "Did you hear that we are singing in the old chapel tonight?"),
            turn_of("am_fenrir", "No, nobody told me.", "Is the piano there any good?"),
            turn_of("bf_emma", "It was tuned on Monday, so it should be fine."),
            turn_of("am_fenrir", "Great.", "Shall I bring the folding chairs in my car?"),
            turn_of("bf_emma", "Yes, please.", "Twelve should be enough, and bring the heater too."),
            turn_of(
                "am_fenrir",
                "Good idea, that chapel is always freezing.",
                "I will be there at half past six.",
                gap_ms=-300,
            ),
            turn_of("bf_emma", "Lovely.", "I will unlock the side door and put the kettle on."),
        ),
    ),
    Sample(
        file="clinic_note.flac",
        topic="medicine",
        codec="flac",
        turns=(
            turn_of(
                "am_michael",
                "The patient takes lisinopril every morning and metoprolol at night.",
                "We stopped the atorvastatin last week.",
            ),
        ),
        terms=("lisinopril", "metoprolol", "atorvastatin"),
    ),
    Sample(
        file="release_note.m4a",
        topic="software",
        codec="aac",
        rate_hz=24_000,
        bit_rate=48_000,
        turns=(
            turn_of(
                "af_bella",
                "We moved the tables from PostgreSQL to Snowflake over the weekend.",
                "The dashboards in Grafana look fine, but Kubernetes still restarts one pod.",
            ),
        ),
        terms=("PostgreSQL", "Snowflake", "Grafana", "Kubernetes"),
    ),
    Sample(
        file="harbour_warning.wav",
        topic="public notice",
        codec="pcm_s16le",
        snr_db=10.0,
        turns=(
            turn_of(
                "am_fenrir",
                "The harbour is closed to small boats this afternoon.",
                "Please check your ropes, and stay off the outer wall until the wind drops.",
            ),
        ),
    ),
    Sample(
        file="quiet_room.flac",
        topic="room tone",
        codec="flac",
        silence_ms=10_000,
    ),
    Sample(
        file="lighthouse.m4a",
        topic="story",
        codec="aac",
        bit_rate=40_000,
        turns=(
            turn_of(
                "bm_george",
                "The lighthouse on the rock was built by two brothers who had never seen the sea.",
                "They carried every stone across the bay in a rowing boat, and it took them 11 summers.",
                "On the first night the lamp was lit, half the village climbed the hill to watch.",
                "The other half, my grandmother liked to say, were already asleep.",
            ),
        ),
    ),
    Sample(
        file="evening_forecast.mp3",
        topic="weather",
        codec="libmp3lame",
        rate_hz=24_000,
        bit_rate=48_000,
        level_dbfs=-22.0,
        turns=(
            turn_of(
                "bm_fable",
                "Rain will reach the west coast by early evening.",
                "Inland it stays dry, with light winds and a low of 9 degrees.",
            ),
        ),
    ),
    Sample(
        file="workshop_number.wav",
        topic="phone number",
        codec="pcm_s16le",
        turns=(
            turn_of(
                "af_bella",
                "You can reach our workshop at five five five, zero one four two.",
                "Please ask for Martin.",
            ),
        ),
    ),
    Sample(
        file="last_ferry.m4a",
        topic="travel question",
        codec="aac",
        bit_rate=32_000,
        turns=(turn_of("bf_isabella", "Excuse me, does the last ferry to the island still leave from pier 4?"),),
    ),
    Sample(
        file="platform_three.ogg",
        topic="train times",
        codec="libopus",
        bit_rate=16_000,
        turns=(
            turn_of(
                "am_michael",
                "The 7:15 train to Lakewood leaves from platform 3.",
                "The next one, at 8:40, stops at every station.",
            ),
        ),
    ),
    Sample(
        file="new_colleagues.flac",
        topic="names",
        codec="flac",
        turns=(
            turn_of(
                "bf_emma",
                "Please welcome our new colleagues.",
                (
                    "Daniel Brooks joins the night shift, Laura Hayes runs the kitchen, "
                    "and Peter Novak looks after the boats."
                ),
            ),
        ),
    ),
    Sample(
        file="onion_soup.mp3",
        topic="recipe",
        codec="libmp3lame",
        bit_rate=32_000,
        speed=1.1,
        turns=(
            turn_of(
                "af_heart",
                "Chop two onions and soften them slowly in butter.",
                "Add the carrots, some stock and a pinch of salt, then let it simmer for half an hour.",
            ),
        ),
    ),
    Sample(
        file="market_stall.wav",
        topic="prices",
        codec="pcm_s16le",
        level_dbfs=-21.0,
        turns=(
            turn_of(
                "am_puck",
                "Pears are two dollars a pound today.",
                "If you take five pounds, the sixth one is free.",
            ),
        ),
    ),
    Sample(
        file="shooting_stars.webm",
        topic="astronomy",
        codec="libopus",
        rate_hz=24_000,
        bit_rate=24_000,
        turns=(
            turn_of(
                "bf_isabella",
                "On a clear night in August you can count 40 shooting stars in a single hour.",
                "Look to the east after midnight, and leave your telescope at home.",
            ),
        ),
    ),
    Sample(
        file="reading_room.flac",
        topic="library",
        codec="flac",
        level_dbfs=-38.0,
        turns=(turn_of("af_nicole", "Please keep your voice down.", "The reading room is open until 9 this evening."),),
    ),
    Sample(
        file="short_answer.wav",
        topic="short answer",
        codec="pcm_s16le",
        turns=(turn_of("am_puck", "Yes, that is correct."),),
    ),
)
