"""Redacted words are gone from every table, file, page and sound, and everything else stays."""

import re
import wave
import zipfile
from hashlib import sha256

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError
from soniox_ds.io.formats import FORMATS

SAID = ["Hello", "this", "is", "Xavier", "Quill", ",", "call", "Quill", "later"]
SECRETS = b"(?i)xavier|quill"
REFERENCE = "hello this is xavier m quill call quill later"


def corpus_of(words=SAID, reference=REFERENCE, audio_id="call.wav", **columns):
    tokens = pd.DataFrame(
        {
            "audio_id": audio_id,
            "token_index": range(len(words)),
            "text": [word if not n or word == "," else f" {word}" for n, word in enumerate(words)],
            "start_ms": [500 * n for n in range(len(words))],
            "end_ms": [500 * n + 300 for n in range(len(words))],
            "confidence": 0.9,
            "speaker": "1",
        }
    )
    recordings = pd.DataFrame({"audio_id": [audio_id], "status": "completed", "reference": reference, **columns})
    run = new_run(service="local", model="m", options={"context": {"terms": ["Xavier"]}, "language_hints": ["en"]})
    return sx.Corpus(recordings, tokens, new_provenance(run))


def channels_of(*pieces, reference=None, **columns):
    """A corpus of tokens with texts, channels and start times, in the order of time."""
    texts, channels, starts = zip(*pieces, strict=True)
    tokens = pd.DataFrame(
        {
            "audio_id": "call.wav",
            "token_index": range(len(pieces)),
            "text": texts,
            "start_ms": starts,
            "end_ms": [start + 40 for start in starts],
            "channel": channels,
            "speaker": [f"ch{channel}" for channel in channels],
        }
    )
    recordings = pd.DataFrame({"audio_id": ["call.wav"], "status": "completed", "reference": reference, **columns})
    return sx.Corpus(recordings, tokens)


def interleaved(**columns):
    pieces = [("Code", 1), ("Yes", 2), (" Mc", 1), (" o", 2), ("Xavier", 1), ("kay", 2), (" Mc", 1), ("Quill", 1)]
    pieces += [(" thanks", 2), (" bye", 1), (" now", 2)]
    return channels_of(*((*piece, 100 * n) for n, piece in enumerate(pieces)), **columns)


def names_in(corpus):
    return corpus.words()["text"].str.contains("Xavier|Quill")


def test_words_leave_the_transcript_the_reference_and_the_provenance():
    corpus = corpus_of()
    redacted = corpus.redact(names_in(corpus))
    assert redacted.words()["text"].tolist() == [
        *("Hello", "this", "is", "[redacted]"),
        *("call", "[redacted]", "later"),
    ]
    assert redacted.recordings["text"].tolist() == ["Hello this is [redacted] call [redacted] later"]
    # The middle name was not recognised; it stands between two redacted words and is removed with them.
    assert redacted.recordings["reference"].tolist() == ["hello this is [redacted] call [redacted] later"]
    assert redacted.tokens.loc[3, ["start_ms", "end_ms"]].tolist() == [1500, 2800]
    assert redacted.tokens["confidence"].isna().tolist() == [False] * 3 + [True, False, True, False]
    [run] = redacted.provenance["runs"]
    assert run["options"] == {"context": "***", "language_hints": ["en"]}
    assert corpus.recordings["reference"].item() == REFERENCE, "the corpus itself is unchanged"


def test_a_word_of_the_reference_that_was_recognised_as_another_is_removed_by_its_place_or_its_letters():
    corpus = corpus_of(["I", "am", "Zorro", "yes", "sorrow"], "I am Zoro yes Zorro")
    redacted = corpus.redact(corpus.words()["text"] == "Zorro")
    assert redacted.recordings["reference"].item() == "I am [redacted] yes [redacted]"
    assert redacted.words()["text"].tolist() == ["I", "am", "[redacted]", "yes", "sorrow"]


def test_an_empty_mask_changes_nothing():
    corpus = corpus_of()
    assert corpus.redact([False] * 8).equals(corpus)


def test_translations_of_the_recording_are_removed():
    corpus = corpus_of()
    translated = corpus.tokens.head(2).assign(
        token_index=[20, 21], text=["Hallo", " Xavier"], start_ms=pd.NA, end_ms=pd.NA
    )
    tokens = pd.concat(
        [corpus.tokens.assign(translation_status="original"), translated.assign(translation_status="translation")]
    )
    corpus = sx.Corpus(corpus.recordings, tokens)
    words = corpus.words()
    with pytest.raises(InputError, match="words_mask selects words of a translation"):
        corpus.redact(words["text"] == "Hallo")
    redacted = corpus.redact(words["text"].eq("Quill") & words["translation_status"].eq("original"))
    assert redacted.words()["translation_status"].unique().tolist() == ["original"]


def test_the_pieces_of_a_word_and_a_token_of_several_words():
    tokens = pd.DataFrame(
        {"audio_id": "a", "token_index": range(6), "text": ["Mr", " Qu", "<fin>", "il", "l", " Old Bond Street"]}
    )
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), tokens)
    words = corpus.words()["text"].tolist()
    redacted = corpus.redact([word == "Bond" for word in words])
    assert "Bond" not in redacted.recordings["text"].item()
    pieces = sx.Corpus(corpus.recordings, tokens.drop(index=2))
    redacted = pieces.redact(pieces.words()["text"] == "Quill")
    assert redacted.tokens["text"].tolist() == ["Mr", " [redacted]", " Old Bond Street"]


def test_channels_that_alternate_keep_all_words_but_the_redacted():
    corpus = interleaved(reference="code mcxavier mcquill bye yes okay thanks now")
    redacted = corpus.redact(names_in(corpus))
    words = redacted.words()
    assert words.loc[words["channel"] == 1, "text"].tolist() == ["Code", "[redacted]", "bye"]
    assert words.loc[words["channel"] == 2, "text"].tolist() == ["Yes", "okay", "thanks", "now"]
    assert redacted.recordings["text"].item() == "Code [redacted] bye Yes okay thanks now"
    assert redacted.recordings["reference"].item() == "code [redacted] bye yes okay thanks now"
    assert redacted.tokens["text"].tolist()[:3] == ["Code", "Yes", " [redacted]"]
    assert redacted.tokens.loc[2, ["start_ms", "end_ms"]].tolist() == [200, 740]


def test_a_redacted_word_at_the_border_of_a_channel_begins_a_stretch_of_its_own():
    corpus = channels_of(("Quill", 1, 0), ("Quill", 2, 50), (" yes", 1, 100))
    redacted = corpus.redact(names_in(corpus))
    assert redacted.tokens[["text", "channel"]].values.tolist() == [["[redacted]", 1], ["[redacted]", 2], [" yes", 1]]


def test_punctuation_after_a_marker_in_the_same_token_takes_no_other_word_along():
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(3), "text": ["Quill<end>.", " Later", " today"]})
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), tokens)
    assert corpus.words()["text"].tolist() == ["Quill.", "Later", "today"]
    assert corpus.redact([True, False, False]).words()["text"].tolist() == ["[redacted]", "Later", "today"]


def test_a_space_at_the_end_of_a_removed_token_is_kept():
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(3), "text": ["Mr ", "Quill ", "called"]})
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), tokens)
    assert corpus.redact(names_in(corpus)).recordings["text"].item() == "Mr [redacted] called"


def test_other_columns_and_ids_with_a_redacted_word_are_refused():
    corpus = corpus_of(note="this is Xavier")
    with pytest.raises(InputError, match=r"the column 'note' of 'call\.wav' contains a word to be redacted; drop"):
        corpus.redact(names_in(corpus))
    redacted = corpus.redact(names_in(corpus), references=["reference", "note"])
    assert redacted.recordings["note"].item() == "this is [redacted]"
    corpus = corpus_of(audio_id="xavier quill.wav")
    with pytest.raises(InputError, match=r"column 'audio_id' .*; rename the recording before"):
        corpus.redact(names_in(corpus))


@pytest.mark.parametrize("code", [90210, 90210.0, pd.array([90210], "Int64")])
def test_a_redacted_number_is_found_in_a_column_of_numbers(code):
    corpus = corpus_of(["code", "90210", "please"], "code 90210 please", code=code)
    with pytest.raises(InputError, match="the column 'code' of"):
        corpus.redact([False, True, False])
    assert corpus.redact([True, False, False]).recordings["code"].item() == 90210


def test_a_column_of_references_that_is_no_text_and_a_column_of_tokens_are_refused():
    corpus = corpus_of(own=pd.Series([["Quill"]], dtype=object))
    with pytest.raises(InputError, match=r"the column 'own' of 'call\.wav' contains a word to be redacted"):
        corpus.redact(names_in(corpus), references=["reference", "own"])
    tagged = sx.Corpus(corpus.recordings.drop(columns="own"), corpus.tokens.assign(mytag="for Quill"))
    with pytest.raises(InputError, match=r"the column 'mytag' of 'call\.wav' contains a word to be redacted"):
        tagged.redact(names_in(tagged))


def test_a_removed_word_that_is_kept_elsewhere_is_no_secret():
    """The rule of docs/corpus.md: "May" is a name here and a month there."""
    words = ["May", "called", "it", "is", "due", "in", "may."]
    corpus = corpus_of(words, "may called it is due in May", note="due in May", audio_id="may.wav")
    corpus = corpus.rename_speakers({"may.wav": {"1": "May"}})
    redacted = corpus.redact([True, *[False] * 6])
    assert redacted.recordings["text"].item() == "[redacted] called it is due in may."
    assert redacted.recordings["reference"].item() == "[redacted] called it is due in May"
    assert redacted.recordings["note"].item() == "due in May"
    with pytest.raises(InputError, match=r"the column 'note' of .* contains a word to be redacted"):
        corpus.redact(corpus.words()["text"].str.contains("(?i)may"))


@pytest.mark.parametrize(
    ("mask", "options", "message"),
    [
        ([True], {}, "a value for each of the 8 words"),
        ([1] * 8, {}, "only True and False, found int64"),
        (pd.array([True] * 7 + [None], dtype="boolean"), {}, "found boolean with 1 NA"),
        ([True] * 8, {"audio": "mute"}, "audio must be one of .*'beep', 'drop'.* found 'mute'"),
        ([True] * 8, {"audio": "beep"}, "together with audio_folder"),
        ([True] * 8, {"audio_folder": "x"}, "together with audio_folder"),
        (
            [True] + [False] * 7,
            {"audio": "beep", "audio_folder": "x"},
            r"sound of 'call\.wav' cannot be redacted: no audio file",
        ),
    ],
)
def test_wrong_arguments(mask, options, message):
    with pytest.raises(InputError, match=message):
        corpus_of().redact(mask, **options)


@pytest.fixture
def recording(tmp_path):
    """A stereo file of noise, 5 s long."""
    file = tmp_path / "call.wav"
    noise = np.random.default_rng(1).integers(-8000, 8000, (5 * 8000, 2), dtype=np.int16)
    with wave.open(str(file), "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(noise.tobytes())
    return file, noise.T


def samples_of(file):
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        layout = container.streams.audio[0].layout
    return np.concatenate(frames, axis=1).reshape(-1, len(layout.channels)).T


@pytest.mark.parametrize("audio", ["beep", "drop"])
def test_the_sound_of_the_words_is_replaced_and_the_rest_stays(tmp_path, recording, audio):
    file, noise = recording
    corpus = corpus_of(source=str(file), size_bytes=file.stat().st_size, sha256=sha256(file.read_bytes()).hexdigest())
    redacted = corpus.redact(names_in(corpus), audio=audio, audio_folder=tmp_path / "redacted")
    [row] = redacted.recordings.to_dict("records")
    assert row["source"] == str(tmp_path / "redacted" / "call.flac")
    assert pd.isna([row["sha256"], row["size_bytes"]]).all()
    samples = samples_of(row["source"])
    assert samples.shape == noise.shape
    # The words are spoken from 1.5 to 2.8 s (the comma belongs to the second) and from 3.5 to 3.8 s. The sound is
    # replaced from 0.2 s before a word to the next word that is kept.
    gone = np.zeros(noise.shape[1], bool)
    for start_s, end_s in ((1.3, 3.0), (3.3, 4.0)):
        gone[round(start_s * 8000) : round(end_s * 8000)] = True
    assert (samples[:, ~gone] == noise[:, ~gone]).all()
    if audio == "drop":
        assert not samples[:, gone].any()
    else:
        spectrum = np.abs(np.fft.rfft(samples[0, round(1.3 * 8000) : round(2.3 * 8000)]))
        assert spectrum.argmax() == 1000
        assert np.abs(samples[:, gone]).max() < 4000


def test_the_sound_after_a_word_is_replaced_up_to_the_next_word_of_its_channel(tmp_path, recording):
    """Times of tokens end before the sound does, so that a word of another channel must not end the stretch."""
    file, noise = recording
    corpus = channels_of(("Quill", 1, 1000), ("yes", 2, 1050), (" later", 1, 1800), source=str(file))
    redacted = corpus.redact(names_in(corpus), audio="drop", audio_folder=tmp_path / "redacted")
    samples = samples_of(redacted.recordings["source"].item())
    gone = slice(round(0.8 * 8000), round(1.8 * 8000))
    assert not samples[:, gone].any(), "the sound of both channels is replaced"
    assert (samples[:, : gone.start] == noise[:, : gone.start]).all()
    assert (samples[:, gone.stop :] == noise[:, gone.stop :]).all()


def test_without_audio_nothing_leads_to_the_sound(recording):
    corpus = corpus_of(source=str(recording[0]), transcription_id="id", client_reference_id="sxds:a:b:1")
    [row] = corpus.redact(names_in(corpus)).recordings.to_dict("records")
    assert pd.isna([row["source"], row["transcription_id"], row["client_reference_id"]]).all()


@pytest.mark.parametrize("made", [corpus_of, interleaved])
def test_no_export_contains_a_redacted_word(tmp_path, recording, made):
    corpus = made(source=str(recording[0]))
    redacted = corpus.redact(names_in(corpus), audio="drop", audio_folder=tmp_path / "audio")
    out = tmp_path / "exports"
    out.mkdir()
    for name, each in FORMATS.items():
        if each.writer:
            each.writer(redacted, out / f"{name}{(each.extensions or ('',))[0]}")
    redacted.save(out / "corpus")
    sx.report(redacted, path=out / "report.html", normalizer=["tags", "basic"])
    (out / "view.html").write_text(sx.show.transcript(redacted["call.wav"])._repr_html_())
    (out / "repr.html").write_text(repr(redacted) + redacted._repr_html_() + str(redacted.provenance))
    files = [file for file in out.rglob("*") if file.is_file()]
    assert len(files) > 5
    for file in files:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as workbook:
                assert not [name for name in workbook.namelist() if re.search(SECRETS, workbook.read(name))]
        assert not re.search(SECRETS, file.read_bytes()), file


@given(st.lists(st.tuples(st.sampled_from(["alpha", "beta", "gamma"]), st.booleans()), min_size=1, max_size=12))
def test_no_redacted_word_stays_and_no_other_word_goes(pieces):
    words = [f"secret{n}" if is_secret else word for n, (word, is_secret) in enumerate(pieces)]
    corpus = corpus_of(words, " ".join(words), text=" ".join(words))
    redacted = corpus.redact(corpus.words()["text"].str.startswith("secret"))
    for text in (redacted.recordings["text"].item(), redacted.recordings["reference"].item()):
        kept = [word for word in text.split() if word != "[redacted]"]
        assert kept == [word for word, is_secret in pieces if not is_secret]


PIECES = st.lists(
    st.tuples(st.sampled_from(["alpha", "beta", "gamma"]), st.booleans(), st.integers(1, 3), st.integers(0, 9)),
    max_size=8,
)


@given(PIECES, PIECES)
def test_interleaved_channels_lose_the_redacted_words_and_no_others(first, second):
    """Each word has one to three tokens, and the tokens of the two channels stand in any order."""
    pieces = []
    for channel, words in ((1, first), (2, second)):
        place = 0
        for n, (word, is_secret, n_pieces, gap) in enumerate(words):
            word = f"{channel}secret{n}" if is_secret else word
            size = -(-len(word) // n_pieces)
            place += gap
            for at in range(0, len(word), size):
                place += 2
                pieces.append((" " * (at == 0) + word[at : at + size], channel, 100 * place + channel))
    pieces.sort(key=lambda piece: piece[2])
    if not pieces:
        return
    corpus = channels_of(*pieces)
    redacted = corpus.redact(corpus.words()["text"].str.contains("secret"))
    words = redacted.words()
    for channel, spoken in ((1, first), (2, second)):
        texts = words.loc[words["channel"] == channel, "text"].tolist()
        expected = [None if is_secret else word for word, is_secret, *_ in spoken]
        expected = [
            word for n, word in enumerate(expected) if word is not None or n == 0 or expected[n - 1] is not None
        ]
        assert texts == [word or "[redacted]" for word in expected]
    assert "secret" not in " ".join(redacted.tokens["text"])


@pytest.mark.parametrize(
    "value",
    [
        ["vip", "Quill"],
        {"customer": "Xavier Quill"},
        {"Quill": 1},
        np.array(["Quill"], object),
        ("a", ["b", {"c": "quill"}]),
    ],
)
def test_words_within_lists_and_dicts_are_refused(value):
    corpus = corpus_of(meta=[value])
    with pytest.raises(InputError, match=r"the column 'meta' of 'call\.wav' contains a word to be redacted; drop"):
        corpus.redact(corpus.words()["text"].str.contains("Xavier|Quill"))


def test_the_values_of_categories_are_looked_at():
    corpus = corpus_of(agent=pd.Categorical(["Quill"]))
    with pytest.raises(InputError, match="the column 'agent'"):
        corpus.redact(corpus.words()["text"].str.contains("Quill"))


def test_a_possessive_is_the_name():
    corpus = corpus_of(note="about Quill's car")
    with pytest.raises(InputError, match="the column 'note'"):
        corpus.redact(corpus.words()["text"].str.contains("Quill"))
    of_possessive = corpus_of(["I", "met", "Quill’s", "brother"], reference="I met Quill brother today, Quill")
    redacted = of_possessive.redact(of_possessive.words()["text"] == "Quill’s")
    assert "quill" not in redacted.recordings["reference"].item().lower()


WITH_ADDRESS = ["I", "am", "Xavier", "write", "to", "xavier.quill@mail.example", "or", "bob@mail.example", "today"]


def test_an_address_that_contains_a_removed_name_is_removed_as_a_whole_and_nothing_else():
    corpus = corpus_of(WITH_ADDRESS, f"{' '.join(WITH_ADDRESS)} see https://x.example/u?id=xavier%20q now")
    redacted = corpus.redact(corpus.words()["text"] == "Xavier")
    expected = "I am [redacted] write to [redacted] or bob@mail.example today"
    assert redacted.recordings["text"].item() == expected
    assert redacted.recordings["reference"].item() == f"{expected} see [redacted] now"


def test_a_removed_address_takes_no_other_address_and_no_name_along():
    corpus = corpus_of(WITH_ADDRESS, " ".join(WITH_ADDRESS))
    redacted = corpus.redact(corpus.words()["text"] == "xavier.quill@mail.example")
    expected = "I am Xavier write to [redacted] or bob@mail.example today"
    assert redacted.recordings[["text", "reference"]].iloc[0].tolist() == [expected] * 2


@pytest.mark.parametrize(
    "value",
    [
        "xavier.m@mail.example",
        "https://crm.example/?customer=Xavier&n=1",
        "https://crm.example/Xavier%C2%A0M",
        "ticket_xavier_12",
        "xavier1985",
        "Zoe\u0308@mail.example",
        "@xavier",
        {"mail": ["x+xavier@mail.example"]},
    ],
)
def test_names_within_addresses_and_identifiers_of_columns_are_refused(value):
    corpus = corpus_of([*WITH_ADDRESS, "Zoë"], contact=[value])
    with pytest.raises(InputError, match=r"the column 'contact' of 'call\.wav' contains a word to be redacted"):
        corpus.redact(corpus.words()["text"].isin(["Xavier", "Zoë"]))


def test_numbers_with_signs_are_no_identifiers():
    corpus = corpus_of(["take", "50", "of", "50%", "or", "24/7", "at", "24"], note="50% and 24/7")
    redacted = corpus.redact(corpus.words()["text"].isin(["50", "24"]))
    assert redacted.recordings["text"].item() == "take [redacted] of 50% or 24/7 at [redacted]"


@pytest.mark.parametrize("value", ["xaviera@mail.example", "bob@mail.example", "mp3", "AnnaXavier"])
def test_other_addresses_and_longer_words_are_kept(value):
    corpus = corpus_of(WITH_ADDRESS, contact=[value])
    assert corpus.redact(corpus.words()["text"] == "Xavier").recordings["contact"].item() == value


def test_a_name_that_only_the_removed_translation_repeats_is_secret():
    corpus = corpus_of(["I", "am", "Xavier", "Ich", "bin", "Xavier"], "I am Xavier", note="for Xavier")
    status = ["original"] * 3 + ["translation"] * 3
    corpus = sx.Corpus(corpus.recordings, corpus.tokens.assign(translation_status=status))
    with pytest.raises(InputError, match="the column 'note'"):
        corpus.redact([False, False, True, False, False, False])


@pytest.mark.parametrize(("duration_ms", "is_refused"), [(6000, True), (1000, True), (2400, False), (pd.NA, False)])
def test_sound_of_another_length_is_refused_if_nothing_else_is_known_of_the_file(
    tmp_path, tiny_wav, duration_ms, is_refused
):
    corpus = corpus_of(source=str(tiny_wav(tmp_path / "call.wav", seconds=2.0)), duration_ms=duration_ms)
    mask = corpus.words()["text"] == "this"
    if is_refused:
        with pytest.raises(InputError, match=rf"lasts 2\.0 s, but {duration_ms / 1000} s were transcribed"):
            corpus.redact(mask, audio="beep", audio_folder=tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())
    else:
        corpus.redact(mask, audio="beep", audio_folder=tmp_path / "out")
    same_size = corpus_of(
        source=corpus.recordings["source"].item(),
        duration_ms=duration_ms,
        size_bytes=(tmp_path / "call.wav").stat().st_size,
    )
    same_size.redact(mask, audio="beep", audio_folder=tmp_path / "known")


def test_sound_of_another_file_is_refused(tmp_path, tiny_wav):
    corpus = corpus_of(source=str(tiny_wav(tmp_path / "call.wav", seconds=2.0)))
    mask = corpus.words()["text"] == "later"  # begins at 4 s
    with pytest.raises(InputError, match=r"ends after 2\.0 s, before the words at 3\.\d s"):
        corpus.redact(mask, audio="beep", audio_folder=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    known = corpus_of(source=corpus.recordings["source"].item(), sha256="0" * 64)
    with pytest.raises(InputError, match="the audio file is not the one that was transcribed"):
        known.redact(known.words()["text"] == "Hello", audio="beep", audio_folder=tmp_path / "out")
