"""Tags and placeholders in references."""

import warnings

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.text.tags import without_tags

TAGGED = [
    pytest.param("hello <unk> there [noise] (laughs)", "hello there", id="of-most-corpora"),
    pytest.param("<sil> so <background noise> we go </s>", "so we go", id="angle-brackets"),
    pytest.param("<laugh> yes </laugh> <foreign lang='es'> hola </foreign>", "yes hola", id="elements"),
    pytest.param("<|en|> <v Bob> hi", "hi", id="whisper-and-webvtt"),
    pytest.param("{NS} one {breath} two {{music}}", "one two", id="curly-brackets"),
    pytest.param("[[skipped part]] one [SPEAKER 1] two [inaudible 00:12]", "one two", id="square-brackets"),
    pytest.param("well [laughter-yes] okay", "well yes okay", id="a-word-while-laughing"),
    pytest.param("no[noise]way hello<unk>there", "no way hello there", id="tags-that-touch-words"),
    pytest.param("*laughs* so **coughs** yes", "so yes", id="asterisks"),
    pytest.param("(speaking foreign language) yes (door slams) (clears throat) no", "yes no", id="round-brackets"),
    pytest.param("(Applaus) danke (risas) gracias (rires) merci", "danke gracias merci", id="other-languages"),
    pytest.param("よし（笑） 【音楽】 ［雑音］", "よし", id="japanese"),
    pytest.param("so ++noise++ well &=laughs yes %hesitation no !SIL", "so well yes no", id="of-other-tools"),
    pytest.param("so //noise// well yes #laugh no", "so well yes no", id="of-still-other-tools"),
    pytest.param("so #noise# well +breath+ yes ~cough~ no", "so well yes no", id="between-two-marks"),
    pytest.param("I (0.5) think (.) so", "I think so", id="pauses"),
    pytest.param("hello SPN there NSN yes UNK no spn, nsn.", "hello there yes no", id="of-kaldi"),
    pytest.param("<SPOKEN_NOISE> one SPOKEN_NOISE two VOCALIZED-NOISE three [SPK]", "one two three", id="of-espnet"),
    pytest.param("xxx go . yyy . www . no xxx !", "go no", id="unintelligible-in-chat"),
    pytest.param("so &-uh the &+fr dog &~gaga is &um here &=laughs:loud", "so the dog is here", id="fillers-in-chat"),
    pytest.param("&*MOT:mhm so I +... yes +/. no +//? and +<", "so I yes no and", id="codes-of-chat"),
    pytest.param("a woof@o and casa@s:spa", "a woof and casa", id="kinds-of-words-in-chat"),
    pytest.param("so *uh* yes **um** no *äh* (uh) (%hm) %uh %um", "so yes no", id="hesitations"),
    pytest.param("♪ la la ♪ yes ♫ music ♫ no 🎵 hmm, la 🎵", "yes no", id="songs"),
    pytest.param(
        "a ((unintelligible)) b ((  )) c [unclear] d {laugh} e <laugh>f</laugh>", "a b c d e f", id="of-fisher"
    ),
    pytest.param("yes /unintelligible/ from /RD-NAME-2/ and /??/ so (pause 0.52)", "yes from and so", id="of-coraal"),
    pytest.param("hello <COMMA> there <QUESTIONMARK> <MUSIC>", "hello there", id="of-gigaspeech"),
    pytest.param("so _noise_ and __laughs__ yes @cough@ no ~reject~", "so and yes no", id="of-still-more-marks"),
    pytest.param("so °hh yes hh° no .hhh and ((lacht)) @@@", "so yes no and", id="breath"),
    pytest.param(
        "{D You know, } I {F uh, } {C and {F um } } went", "you know i uh and um went", id="said-in-switchboard"
    ),
    pytest.param(
        "[ we, + we ] went [ [ a, + a ] + the ] way", "we we went a a the way", id="said-again-in-switchboard"
    ),
    pytest.param(
        "<my my> [/] dog <he is> [//] <the cat> [?] sits <unk> [*]", "my my dog he is the cat sits", id="said-in-chat"
    ),
    pytest.param("<X I guess X> so <@ yes @>", "i guess so yes", id="said-in-santa-barbara"),
    pytest.param("[The crowd cheers.] so [Laughter.] yes [music you hear]", "so yes", id="events-with-full-stops"),
]


@pytest.mark.parametrize(("tagged", "said"), TAGGED)
def test_tags_are_no_words(tagged, said):
    errors = sx.word_errors({"a": said}, {"a": tagged}, normalizer=["tags", "basic"])
    assert errors[["wer", "normalizer"]].to_numpy().tolist() == [[0, "tags 2 + basic 3"]]
    assert sx.character_errors({"a": said}, {"a": tagged}, normalizer=["tags", "basic"])["cer"].item() == 0


@pytest.mark.parametrize(("tagged", "said"), TAGGED)
@pytest.mark.parametrize("count", [sx.word_errors, sx.character_errors, sx.align_words])
def test_tags_that_count_as_words_are_warned_of(count, tagged, said):
    with pytest.warns(
        UserWarning, match="the references contain .*but 'basic 3' counts them as words.*The step 'tags'"
    ):
        count({"a": said}, {"a": tagged})


NO_TAGS = [
    "I think (as you know) that (I love music) it works",
    "call (555) 0199 or *everybody* at 5*3*2",
    "a < b > c, 3 <4 and 5> 6, <3",
    "th[is] is 100% fine!",
    "he (the laughing man who came yesterday to our town) left",
    "NSN-123, many SPNs, UNKs, the Spn, spn.org and /SPN/x",
    "size xxx, super bowl xxx, xxx-large, xxx.com, @xxx, XXX and Xxx",
    "www dot example dot com, www.example.com, the www, WWW, www punkt de",
    "AT&T, R&B, Smith &co, salt &c, B&er",
    "me@example.com, bob@uk.org, at @home, @ 5",
    "(uh-huh) (mhm) (I know, um, that) *er* *am* 5*um*3",
    "♪ happy birthday to you ♪",
    "[Yeah.] and [I think so] and [you know I laughed] and [word?]",
    "C++, 5 + 5, +1, R/C and/or, /maybe/, AC/DC",
    "noise, NOISE, laughter, HESITATION, SIL, sil, sp, LAU, blank, silence, music, unk, unintelligible, inaudible",
    "uh, um, oh, hm, mhm and -h-e- th- wh[at]-",
    "0.5, .5, 20°, 5° hot, __init__, snake_case and _private_",
    "I <3 you, a < b and c > d",
    "() ** // ++",
    "10% um 5 & er",
]


@pytest.mark.parametrize("text", NO_TAGS)
def test_speech_is_kept(text):
    assert without_tags(text) == text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sx.word_errors({"a": text}, {"a": text})["wer"].item() == 0


def test_the_warning_counts_the_tags_and_points_to_the_call():
    references = {"a": "one [noise] two [noise] <unk>", "b": "three (laughs)"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sx.word_errors(references, references)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "'[noise]' (2), '<unk>' (1), '(laughs)' (1)" in str(caught[0].message)
    assert 'normalizer=["tags", "basic"]' in str(caught[0].message)


def test_normalisers_that_drop_tags_need_no_warning():
    pytest.importorskip("whisper_normalizer")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sx.word_errors({"a": "so yes"}, {"a": "so [noise] yes (laughs) <unk>"}, normalizer="whisper-english")
    with pytest.warns(UserWarning, match=r"put|before the other steps"):
        sx.word_errors({"a": "so yes"}, {"a": "so *laughs* yes"}, normalizer="whisper-english")


def test_tags_of_turns():
    turns = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "text": ["hello [noise]", "-"]})
    words = pd.DataFrame({"audio_id": ["a"], "word_index": [0], "text": ["hello"], "speaker": ["1"]})
    with pytest.warns(UserWarning, match=r"'\[noise\]' \(1\)"):
        sx.speaker_word_errors(words, turns)
    assert sx.speaker_word_errors(words, turns, normalizer=["tags", "basic"])["cpwer"].item() == 0


PLACEHOLDERS = [
    "-",
    "--",
    "—",
    "...",
    "***",
    "n/a",
    "nan",
    "None",
    "<unk>",
    "[inaudible]",
    "(unintelligible)",
    "xxx",
    "inaudible",
    "[]",
    "no transcript",
    "N.A.",
    "yyy",
    "www .",
    "xxx .",
    "UNK",
    "((unintelligible))",
    "(( ))",
    "/unintelligible/",
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
@pytest.mark.parametrize("normalizer", ["basic", ["tags", "basic"]])
def test_placeholders_are_warned_of(text, normalizer):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sx.word_errors({"a": "hello", "b": "yes"}, {"a": text, "b": "yes"}, normalizer=normalizer)
    assert any(f"some references are only placeholders: {text!r} (1)." in str(one.message) for one in caught)
    assert any(f"references.replace([{text!r}], pd.NA)" in str(one.message) for one in caught)


@pytest.mark.parametrize("text", ["", "No.", "none", "5", "inaudible music", "好", "(laughs) yes", "- yes"])
def test_short_references_are_no_placeholders(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sx.word_errors({"a": "no", "b": "yes"}, {"a": text, "b": "yes"}, normalizer=["tags", "basic"])


def test_silence_in_tags_is_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = sx.word_errors({"a": ""}, {"a": "[noise] <sil>"}, normalizer=["tags", "basic"]).iloc[0]
    assert (row["reference_words"], row["insertions"]) == (0, 0)


def test_changes_of_the_tags_step_are_shown():
    shown = sx.show.normalization("well [loud noise] yes", ["tags", "basic"])
    assert shown[["before", "after"]].to_numpy().tolist() == [["[loud", ""], ["noise]", ""]]


def test_an_experiment_warns_before_it_is_paid_for(tmp_path):
    tone = "data/samples/clinic_note.flac"

    def declined(estimate):
        return False

    with pytest.warns(UserWarning, match=r"'\[noise\]' \(1\)"), pytest.raises(sx.exceptions.Declined):
        sx.compare(
            tone,
            {tone: "the patient [noise] takes"},
            arms={"a": {}, "b": {"language_hints": ["en"]}},
            confirm=declined,
            journal=tmp_path / "journal.sqlite",
        )
