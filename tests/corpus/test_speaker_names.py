"""Speakers get names, which stand everywhere in place of their labels, and the labels stay beside them."""

import json

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.io.formats import FORMATS

plt.switch_backend("agg")

LABELLED = ["speaker", "speaker_label"]


def corpus_of(audio_id="call", speakers=("1", "1", "2", "2", "1"), texts=None, **columns):
    """A recording with a word of a second for each speaker."""
    count = len(speakers)
    tokens = pd.DataFrame(
        {
            "audio_id": audio_id,
            "token_index": range(count),
            "text": list(texts or [f" word{n}" for n in range(count)]),
            "start_ms": [1000 * n for n in range(count)],
            "end_ms": [1000 * n + 800 for n in range(count)],
            "confidence": 0.9,
            "speaker": pd.array(list(speakers), dtype="string"),
            **columns,
        }
    )
    return sx.Corpus(pd.DataFrame({"audio_id": [audio_id], "status": "completed"}), tokens)


def pairs(table):
    """The speaker and the label of each row."""
    return list(table[LABELLED].astype(object).where(table[LABELLED].notna(), None).itertuples(index=False, name=None))


def test_the_name_stands_in_every_table_with_the_label_beside_it():
    plain = corpus_of()
    corpus = plain.rename_speakers({"call": {"1": "Anna"}})
    by_word = [("Anna", "1"), ("Anna", "1"), ("2", None), ("2", None), ("Anna", "1")]
    assert pairs(corpus.tokens) == pairs(corpus.words()) == by_word
    assert pairs(corpus.segments()) == pairs(sx.speaker_turns(corpus)) == by_word[::2]
    assert sx.speaker_stats(corpus)["speaker"].tolist() == ["Anna", "2"]
    assert pairs(plain.tokens) == [(label, None) for label in "11221"], "the corpus itself is unchanged"
    assert corpus.recordings.equals(plain.recordings)
    others = [name for name in corpus.tokens if name not in LABELLED]
    assert corpus.tokens[others].equals(plain.tokens[others])


def test_other_recordings_are_unchanged():
    corpus = sx.concat([corpus_of("a"), corpus_of("b")])
    renamed = corpus.rename_speakers({"b": {"2": "Bob"}})
    assert renamed["a"].equals(corpus["a"])
    assert set(pairs(renamed["b"].tokens)) == {("1", None), ("Bob", "2")}
    assert corpus.rename_speakers({}).equals(corpus)


def test_a_second_call_names_by_the_original_labels():
    corpus = corpus_of().rename_speakers({"call": {"1": "Anna"}})
    assert corpus.rename_speakers({"call": {"1": "Anna"}}).equals(corpus)
    both = corpus.rename_speakers({"call": {"2": "Bob"}})
    assert set(pairs(both.tokens)) == {("Anna", "1"), ("Bob", "2")}
    assert set(pairs(both.rename_speakers({"call": {"1": "Ann"}}).tokens)) == {("Ann", "1"), ("Bob", "2")}
    with pytest.raises(InputError, match=r"no speaker with the label 'Anna'; .* 'Anna' is the name of '1'\."):
        corpus.rename_speakers({"call": {"Anna": "Ann"}})


def test_the_label_itself_takes_a_name_back():
    plain = corpus_of()
    corpus = plain.rename_speakers({"call": {"1": "Anna", "2": "Bob"}})
    assert corpus.rename_speakers({"call": {"1": "1", "2": "2"}}).equals(plain)


def test_labels_can_be_exchanged():
    corpus = corpus_of().rename_speakers({"call": {"1": "2", "2": "1"}})
    assert pairs(corpus.words()) == [("2", "1"), ("2", "1"), ("1", "2"), ("1", "2"), ("2", "1")]


def test_two_labels_with_one_name_are_one_speaker():
    plain = corpus_of(speakers="1122331", texts=["Well", ",", "yes", ".", "Good", " one", " more"])
    corpus = plain.rename_speakers({"call": {"1": "Anna", "2": "Anna"}})
    # The service omits the space where the speaker changes. The words stay the same, and so does the text.
    assert corpus.words()["text"].tolist() == plain.words()["text"].tolist() == ["Well,", "yes.", "Good", "one", "more"]
    assert corpus.texts()["text"].tolist() == plain.texts()["text"].tolist() == ["Well, yes. Good one more"]
    assert corpus.segments()["text"].tolist() == ["Well, yes.", "Good one", "more"]
    assert pairs(corpus.segments()) == [("Anna", None), ("3", None), ("Anna", "1")]
    turns = sx.speaker_turns(corpus)
    assert pairs(turns) == [("Anna", None), ("3", None), ("Anna", "1")]
    assert turns[["start_ms", "end_ms"]].to_numpy().tolist() == [[0, 3800], [4000, 5800], [6000, 6800]]
    assert len(sx.speaker_turns(plain)) == 4


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"cal": {"1": "Anna"}}, r"no recording has the id \['cal'\].* Did you mean 'call'\?"),
        ({"call": {"11": "Anna"}}, r"'call' has no speaker with the label '11'; its labels are \['1', '2'\]\."),
        ({"call": {"1": " "}}, "name of the speaker '1' of 'call' must be a text that is not blank, found ' '"),
        ({"call": {"1": None}}, "must be a text that is not blank, found None"),
        ({"call": "Anna"}, "names of the speakers of 'call' must be a dict by label, found str"),
        (["Anna"], "takes names by recording and label, found list; give a dict such as"),
        ({"call": {None: "Anna"}}, "are named by texts or whole numbers, found None"),
    ],
)
def test_wrong_arguments(names, message):
    with pytest.raises(InputError, match=message):
        corpus_of().rename_speakers(names)


def test_a_recording_without_speakers():
    with pytest.raises(InputError, match="its tokens have no speakers; transcribe with enable_speaker_diarization"):
        corpus_of(speakers=[pd.NA] * 3).rename_speakers({"call": {"1": "Anna"}})
    silent = sx.Corpus(pd.DataFrame({"audio_id": ["call"], "status": "failed"}))
    with pytest.raises(InputError, match="its tokens have no speakers"):
        silent.rename_speakers({"call": {"1": "Anna"}})
    assert silent.rename_speakers({"call": {}}).equals(silent)


def test_ids_without_folder_and_extension_and_numbers_as_labels():
    corpus = corpus_of("calls/call.wav")
    with pytest.warns(UserWarning, match=r"rename_speakers: 1 of 1 ids were matched .*'calls/call\.wav'"):
        renamed = corpus.rename_speakers({"call": {1: "Anna"}})
    assert set(renamed.tokens["speaker"]) == {"Anna", "2"}


def test_labels_of_channels_and_of_later_connections():
    corpus = corpus_of(speakers=["ch1", "ch2:1", "1@2", "ch2:1@3"], channel=pd.array([1, 2, None, 2], dtype="Int16"))
    names = {"ch1": "Anna", "ch2:1": "Bob", "1@2": "Anna", "ch2:1@3": "Bob"}
    words = corpus.rename_speakers({"call": names}).words().sort_values("first_token")
    assert pairs(words) == [("Anna", "ch1"), ("Bob", "ch2:1"), ("Anna", "1@2"), ("Bob", "ch2:1@3")]
    with pytest.raises(InputError, match=r"no speaker with the label 'ch2-1'; .* Did you mean 'ch2:1'\?"):
        corpus.rename_speakers({"call": {"ch2-1": "Bob"}})
    assert words["channel"].astype(object).where(words["channel"].notna(), None).tolist() == [1, 2, None, 2]


def test_diarization_errors_are_those_of_the_labels():
    corpus = corpus_of(speakers="1121223")
    turns = pd.DataFrame(
        [("call", "x", 0, 3500), ("call", "y", 3500, 7000)], columns=["audio_id", "speaker", "start_ms", "end_ms"]
    )
    renamed = corpus.rename_speakers({"call": {"1": "Anna", "2": "Bob", "3": "x"}})
    before, after = (sx.diarization_errors(each, turns).drop(columns="mapping") for each in (corpus, renamed))
    pd.testing.assert_frame_equal(before, after)
    references = pd.DataFrame({"audio_id": "call", "speaker": ["x", "y"], "text": ["word0 word1", "word2 word9"]})
    assert sx.speaker_word_errors(corpus, references)["cpwer"].equals(
        sx.speaker_word_errors(renamed, references)["cpwer"]
    )


def test_parquet_and_joined_corpora_keep_names_and_labels(tmp_path):
    renamed, plain = corpus_of("a").rename_speakers({"a": {"1": "Anna"}}), corpus_of("b")
    joined = sx.concat([renamed, plain])
    assert pairs(joined.tokens) == pairs(renamed.tokens) + pairs(plain.tokens)
    joined.save(tmp_path / "corpus")
    assert sx.read_corpus(tmp_path / "corpus").equals(joined)
    assert joined["a"].equals(renamed)


def test_a_corpus_of_an_earlier_version_has_no_names(tmp_path):
    plain = corpus_of()
    plain.save(tmp_path / "corpus")
    [file] = (tmp_path / "corpus" / "tokens").glob("*.parquet")
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["speaker_label", "channel"]), file)
    assert sx.read_corpus(tmp_path / "corpus").equals(plain)


def test_views_show_the_name_and_the_label():
    corpus = corpus_of().rename_speakers({"call": {"1": "Anna"}})
    view = sx.show.transcript(corpus)
    assert "0:00 Anna (speaker 1): word0 word1" in repr(view)
    assert "0:02 speaker 2: word2" in repr(view)
    assert "0:00 · Anna (speaker 1)" in view._repr_html_()
    merged = sx.show.transcript(corpus.rename_speakers({"call": {"2": "Anna"}}))
    assert "0:00 Anna (speaker 1 and 2): word0 word1 word2 word3 word4" in repr(merged)
    ax = sx.plot.timeline(corpus)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Anna", "speaker 2"]
    plt.close("all")


def test_the_report_names_speakers(tmp_path):
    corpus = corpus_of().rename_speakers({"call": {"1": "Anna"}})
    sx.report(corpus, path=tmp_path / "report.html")
    assert '<td role="cell" data-label="speaker"><bdi>Anna</bdi></td>' in (tmp_path / "report.html").read_text()


NAME = "Ana/María\tde\r\nla שרה <b> \"x\" 'y' =1+1"
ON_ONE_LINE = " ".join(NAME.split())
SPEAKER_READ = {
    "vtt": ON_ONE_LINE,
    "stm": ON_ONE_LINE.replace(" ", "_"),
    "rttm": ON_ONE_LINE.replace(" ", "_"),
    "kaldi": ON_ONE_LINE.replace(" ", "_"),
    "seglst": NAME,
    "nemo": NAME,
    "lhotse": NAME,
    "textgrid": ON_ONE_LINE,
    "eaf": ON_ONE_LINE,
}


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.writer])
def test_every_format_holds_any_name(name, tmp_path):
    each = FORMATS[name]
    corpus = corpus_of().rename_speakers({"call": {"1": NAME}})
    corpus.recordings["source"] = str(tmp_path / "audio.wav")
    (tmp_path / "audio.wav").write_bytes(b"RIFF")
    file = tmp_path / f"call{(each.extensions or ('',))[0]}"
    options = {"segments": True} if name == "nemo" else {"speakers": True} if name == "trn" else {}
    each.writer(corpus, file, **options)
    if each.reader:
        read = each.reader(file).sort_values("start_ms", kind="stable")
        assert " ".join(read["text"]).split()[:2] == ["word0", "word1"] if "text" in read else len(read) == 3
        if name in SPEAKER_READ:
            assert set(read["speaker"]) == {SPEAKER_READ[name], "2"}


def test_formats_with_room_for_it_keep_the_label(tmp_path):
    corpus = corpus_of().rename_speakers({"call": {"1": "Anna"}})
    labels = ["1", None, "1"]
    corpus.to_seglst(tmp_path / "seglst.json")
    assert [row.get("speaker_label") for row in json.loads((tmp_path / "seglst.json").read_text())] == labels
    with pytest.warns(UserWarning, match="NeMo: the audio of 1 of 1 recordings is not known"):
        corpus.to_nemo(tmp_path / "nemo.json", segments=True)
    lines = (tmp_path / "nemo.json").read_text().splitlines()
    assert [json.loads(line).get("speaker_label") for line in lines] == labels
    corpus.to_lhotse(tmp_path / "lhotse.jsonl")
    lines = (tmp_path / "lhotse.jsonl").read_text().splitlines()
    assert [json.loads(line).get("custom", {}).get("speaker_label") for line in lines] == labels
    corpus.to_soniox(tmp_path / "call.json")
    tokens = json.loads((tmp_path / "call.json").read_text())["tokens"]
    assert [token.get("speaker_label") for token in tokens] == ["1", "1", None, None, "1"]
    corpus.to_csv(tmp_path / "words.csv")
    assert pairs(pd.read_csv(tmp_path / "words.csv", dtype={"speaker_label": "string"})) == pairs(corpus.words())
    [row] = corpus.to_huggingface()
    assert [word["speaker_label"] for word in row["words"]] == ["1", "1", None, None, "1"]
    assert [segment["speaker_label"] for segment in row["segments"]] == labels
    [document] = corpus.to_documents()
    assert [token.get("speaker_label") for token in document.metadata["tokens"]] == ["1", "1", None, None, "1"]
    assert "speaker_label" not in corpus_of().to_documents()[0].metadata["tokens"][0]


def test_redaction_keeps_names_that_are_no_secret():
    corpus = corpus_of(texts=["I", " am", " Anna", " Lee", " too"]).rename_speakers({"call": {"1": "Anna", "2": "Bo"}})
    words = corpus.words()["text"]
    redacted = corpus.redact(words == "Lee")
    assert set(pairs(redacted.tokens)) == {("Anna", "1"), ("Bo", "2")}
    with pytest.raises(InputError, match=r"name 'Anna' of a speaker of 'call' contains a word to be redacted; take it"):
        corpus.redact(words == "Anna")
    taken_back = corpus.rename_speakers({"call": {"1": "1"}})
    redacted = taken_back.redact(words == "Anna")
    assert set(pairs(redacted.tokens)) == {("1", None), ("Bo", "2")}


def test_a_live_result_is_renamed_as_a_corpus():
    log = Log("call").opened(0).audio(10, 900).message(900, token("Yes", 0, speaker="1", final=True)).lost(1000)
    log.opened(1100, session=1, offset_ms=500).audio(1200, 2000)
    log.message(2000, token(" no", 900, speaker="1", final=True), finished=True)
    corpus = streamed(log).corpus()
    assert pairs(corpus.tokens) == [("1", None), ("1@2", None)]
    renamed = corpus.rename_speakers({"call": {"1": "Bo", "1@2": "Anna"}})
    assert pairs(renamed.words()) == [("Bo", "1"), ("Anna", "1@2")]


@given(
    st.lists(st.sampled_from(["1", "2", "3", None]), min_size=1, max_size=10),
    st.lists(st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from(["1", "2", "A", "B"])), max_size=3),
)
def test_the_last_name_of_each_label_holds_and_the_words_stay(speakers, calls):
    plain = corpus_of(speakers=speakers, texts=[f"w{n}" if n % 2 else f" w{n}" for n in range(len(speakers))])
    corpus, name_of = plain, {}
    for names in calls:
        names = {label: name for label, name in names.items() if label in speakers}
        corpus = corpus.rename_speakers({"call": names})
        name_of |= names
    expected = [
        (name_of.get(label, label), label if name_of.get(label, label) != label else None) for label in speakers
    ]
    assert pairs(corpus.tokens) == expected
    assert corpus.words()["text"].equals(plain.words()["text"])
    assert corpus.texts()["text"].equals(plain.texts()["text"])
    assert corpus.rename_speakers({"call": {label: label for label in name_of}}).equals(plain)
