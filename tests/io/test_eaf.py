"""ELAN files: read by pympi, written by it, and refused where damaged."""

from __future__ import annotations

import pytest
from pympi.Elan import Eaf
from transcripts import ODD_TEXTS, corpus_of, segments_of, translated_tokens

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

TALK = [
    ("talk", "Anna", 400, 2000, "Good <morning> & more."),
    ("talk", "Tom & Jo", 1500, 2500, 'He said "no".'),
    ("talk", "Anna", 3000, 4000, "Well."),
]


def rows_of(table):
    return table[["speaker", "start_ms", "end_ms", "text"]].astype(object).fillna("?").to_numpy().tolist()


def tiers_of(path):
    """The annotations of each tier, as pympi reads them."""
    eaf = Eaf(str(path))
    return {name: sorted(each[:3] for each in eaf.get_annotation_data_for_tier(name)) for name in eaf.get_tier_names()}


def test_pympi_reads_segments(tmp_path):
    sx.io.write_eaf(segments_of(TALK), tmp_path)
    assert tiers_of(tmp_path / "talk.eaf") == {
        "Anna - segments": [(400, 2000, "Good <morning> & more."), (3000, 4000, "Well.")],
        "Tom & Jo - segments": [(1500, 2500, 'He said "no".')],
    }
    eaf = Eaf(str(tmp_path / "talk.eaf"))
    assert eaf.get_parameters_for_tier("Tom & Jo - segments")["PARTICIPANT"] == "Tom & Jo"
    assert rows_of(sx.io.read_eaf(tmp_path / "talk.eaf")) == [list(TALK[n][1:]) for n in (0, 2, 1)]


def test_pympi_reads_words_of_a_corpus(tmp_path):
    corpus = corpus_of(ODD_TEXTS, dict.fromkeys(ODD_TEXTS, 'Anna "A" / Ü\x00'))
    corpus.to_eaf(tmp_path)
    words = corpus.words()
    for name, text in ODD_TEXTS.items():
        segments, written = tiers_of(tmp_path / f"{name}.eaf").values()
        spoken = words[words["audio_id"] == name]
        assert [each[2] for each in written] == spoken["text"].tolist()
        if len(set(spoken["start_ms"])) == len(spoken):  # Words of one token share its time.
            assert [each[:2] for each in written] == list(zip(spoken["start_ms"], spoken["end_ms"], strict=True))
        assert " ".join(each[2] for each in segments) == " ".join(text.split())
        made = sx.io.read_eaf(tmp_path / f"{name}.eaf")
        assert " ".join(made["text"]) == " ".join(text.split())
        assert set(made["speaker"]) == {'Anna "A" / Ü'}
        of_words = sx.io.read_eaf(tmp_path / f"{name}.eaf", tiers='Anna "A" / Ü - words')
        assert of_words["text"].tolist() == spoken["text"].tolist()


def test_overlaps_go_to_further_tiers(tmp_path):
    rows = [("a", "1", 0, 1000, "one"), ("a", "1", 500, 1500, "two"), ("a", None, 0, 0, "no length")]
    sx.io.write_eaf(segments_of(rows), tmp_path / "a.eaf")
    assert tiers_of(tmp_path / "a.eaf") == {
        "segments": [(0, 1, "no length")],
        "1 - segments": [(0, 1000, "one")],
        "1 - segments 2": [(500, 1500, "two")],
    }
    made = sx.io.read_eaf(tmp_path / "a.eaf")
    assert made["speaker"].fillna("?").tolist() == ["?", "1", "1"]


def test_the_audio_is_linked(tmp_path):
    audio = tmp_path / "a & b.wav"
    audio.write_bytes(b"RIFF")
    corpus = corpus_of({"a": "yes", "b": "no"})
    sources = [str(audio), "https://example.com/b.wav"]
    sx.Corpus(corpus.recordings.assign(source=sources), corpus.tokens).to_eaf(tmp_path)
    [media] = Eaf(str(tmp_path / "a.eaf")).get_linked_files()
    assert media["MEDIA_URL"] == audio.as_uri()
    assert Eaf(str(tmp_path / "b.eaf")).get_linked_files() == []


def test_files_of_pympi_are_read(tmp_path):
    eaf = Eaf(author="")
    eaf.add_linguistic_type("dependent", constraints="Symbolic_Association", timealignable=False)
    eaf.add_tier("speech", part="Anna")
    eaf.add_tier("gloss", ling="dependent", parent="speech")
    eaf.add_tier("Tom - words")
    eaf.add_annotation("speech", 108_000_000, 108_001_500, "guten\nMorgen & <so>")
    eaf.add_annotation("speech", 108_002_000, 108_003_000, "")
    eaf.add_ref_annotation("gloss", "speech", 108_000_000, "good morning")
    eaf.add_annotation("Tom - words", 0, 300, "שלום")
    eaf.to_file(str(tmp_path / "a.eaf"))
    made = sx.io.read_eaf(tmp_path / "a.eaf")
    assert sorted(rows_of(made)) == [
        ["Anna", 108_000_000, 108_001_500, "guten Morgen & <so>"],
        ["Tom", 0, 300, "שלום"],
    ]
    gloss = sx.io.read_eaf(tmp_path / "a.eaf", tiers=["gloss"])
    assert rows_of(gloss) == [["gloss", 108_000_000, 108_001_500, "good morning"]]
    with pytest.raises(InputError, match=r"a\.eaf has no tier 'x'; its tiers are "):
        sx.io.read_eaf(tmp_path / "a.eaf", tiers="x")


GOOD = """\
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
<TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="900"/>
</TIME_ORDER>
<TIER TIER_ID="Anna">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>one</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>two</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a2">
<ANNOTATION_VALUE>three</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER>
</ANNOTATION_DOCUMENT>
"""


def test_the_declared_encoding_is_read_and_a_wrong_one_is_refused(tmp_path):
    file = tmp_path / "a.eaf"
    text = GOOD.replace("UTF-8", "ISO-8859-1").replace("<ANNOTATION_VALUE>", "<ANNOTATION_VALUE>Grüß ", 1)
    file.write_text(text, encoding="latin-1")
    assert sx.io.read_eaf(file)["text"].str.contains("Grüß").any()
    file.write_text(text.replace("ISO-8859-1", "klingon-1"), encoding="latin-1")
    with pytest.raises(InputError, match="found 'klingon-1'"):
        sx.io.read_eaf(file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_times_that_are_not_aligned_are_missing(tmp_path, encoding):
    (tmp_path / "a.eaf").write_text(GOOD, encoding=encoding)
    assert rows_of(sx.io.read_eaf(tmp_path / "a.eaf")) == [
        ["Anna", 500, "?", "one"],
        ["Anna", "?", 900, "two"],
        ["Anna", "?", 900, "three"],
    ]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("<ANNOTATION_DOCUMENT>", "<html>"), "line 2: an EAF file consists of an ANNOTATION_DOCUMENT, found 'html'"),
        (('TIME_VALUE="500"', 'TIME_VALUE="0.5"'), "line 4: TIME_VALUE must be milliseconds"),
        (('TIME_VALUE="500"', 'TIME_VALUE="9999999999"'), "line 4: TIME_VALUE must be milliseconds"),
        ((' TIME_SLOT_ID="ts1"', ""), "line 4: TIME_SLOT has no TIME_SLOT_ID"),
        ((' TIER_ID="Anna"', ""), "line 8: TIER has no TIER_ID"),
        (('TIME_SLOT_REF2="ts3"', 'TIME_SLOT_REF2="ts1"'), None),
        (('TIME_SLOT_REF1="ts1"', 'TIME_SLOT_REF1="ts9"'), "line 9: there is no time slot 'ts9'"),
        (('REF1="ts1" TIME_SLOT_REF2="ts2"', 'REF1="ts3" TIME_SLOT_REF2="ts1"'), "line 9: an annotation ends before"),
        (('"a2" TIME', '"a1" TIME'), "line 11: the annotation 'a1' is there twice"),
        (('ANNOTATION_REF="a2"', 'ANNOTATION_REF="a8"'), "line 13: there is no annotation 'a8'"),
        (('ANNOTATION_REF="a2"', 'ANNOTATION_REF="a3"'), "line 13: the annotation 'a3' points to itself"),
        (("</TIER>", "</TEAR>"), "line 15: the file is not well-formed XML"),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage, message):
    path = tmp_path / "a.eaf"
    path.write_text(GOOD.replace(*damage, 1))
    if message is None:  # The start is not aligned, so that no time contradicts another.
        assert len(sx.io.read_eaf(path)) == 3
        return
    with pytest.raises(SchemaError, match=rf"a\.eaf, {message}"):
        sx.io.read_eaf(path)


def test_entities_cannot_exhaust_the_memory(tmp_path):
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "0123456789">{entities}]>\n<ANNOTATION_DOCUMENT'
    (tmp_path / "a.eaf").write_text(GOOD.replace("<ANNOTATION_DOCUMENT", bomb, 1).replace("one", "&e9;"))
    with pytest.raises(SchemaError, match="not well-formed XML"):
        sx.io.read_eaf(tmp_path / "a.eaf")


def test_each_language_of_a_translation_has_a_tier(tmp_path):
    sx.io.write_eaf(translated_tokens(), tmp_path / "talk.eaf", with_words=False)
    assert tiers_of(tmp_path / "talk.eaf") == {
        "1 - segments": [(0, 900, "Good morning."), (5000, 5500, "Fine.")],
        "1 - translation de": [(0, 900, "Guten Morgen."), (5000, 5500, "Gut.")],
        "2 - segments": [(3000, 4500, "Wie geht's?")],
        "2 - translation en": [(3000, 4500, "How are you?")],
    }
    parameters = Eaf(str(tmp_path / "talk.eaf")).get_parameters_for_tier("1 - translation de")
    assert (parameters["PARTICIPANT"], parameters["LINGUISTIC_TYPE_REF"]) == ("1", "translation")
    assert sx.io.read_eaf(tmp_path / "talk.eaf")["text"].tolist() == ["Good morning.", "Fine.", "Wie geht's?"]
    read = sx.io.read_eaf(tmp_path / "talk.eaf", tiers=["1 - translation de", "2 - translation en"])
    assert rows_of(read) == [
        ["1", 0, 900, "Guten Morgen."],
        ["1", 5000, 5500, "Gut."],
        ["2", 3000, 4500, "How are you?"],
    ]


def test_empty_tiers_and_recordings(tmp_path):
    corpus_of({"calls/7.wav": "", "calls/8.wav": "yes"}).to_eaf(tmp_path)
    assert tiers_of(tmp_path / "calls" / "7.eaf") == {"segments": [], "words": []}
    assert len(sx.io.read_eaf(tmp_path / "calls" / "7.eaf")) == 0


def test_thirty_hours_and_ten_thousand_speakers(tmp_path):
    rows = [("a", f"S{n}", n * 10_000, n * 10_000 + 9_999, f"word {n}") for n in range(10_800)]
    sx.io.write_eaf(segments_of(rows), tmp_path / "a.eaf")
    assert rows_of(sx.io.read_eaf(tmp_path / "a.eaf")) == [list(row[1:]) for row in rows]
    assert len(Eaf(str(tmp_path / "a.eaf")).tiers) == 10_800
