"""The report: one page that holds all it shows, and says what the numbers are worth."""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from html.parser import HTMLParser

import av
import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.cli import main
from soniox_ds.exceptions import InputError
from soniox_ds.experiments.results import Comparison
from soniox_ds.options import TranscriptionOptions
from soniox_ds.plot.style import BLUE, paper
from soniox_ds.reports.audio import LONGEST_MS, cut
from soniox_ds.reports.figures import figure
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.sections import places
from soniox_ds.reports.selection import excerpt, grouping_columns, worst_place, worst_recordings

NAUGHTY = "<script>alert('x')</script>&\x0b"


class Page(HTMLParser):
    VOID = ("meta",)

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.pieces = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.pieces.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.pieces).split())

    def values(self, name):
        return [value for _, attribute, value in self.attributes if attribute == name]


def tone(path, seconds=10.0, sounding=(4.0, 6.0), rate=16_000):
    """Silence, with a tone from the one time to the other."""
    times = np.arange(round(seconds * rate)) / rate
    hypothesis = (times >= sounding[0]) & (times < sounding[1])
    samples = (0.5 * np.sin(2 * np.pi * 440 * times) * hypothesis * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def corpus_of(folder, *, service="api.soniox.com", **columns):
    """Four recordings of eleven words, the last one failed; the second with two errors."""
    reference = "the quick brown fox jumps over the lazy dog every morning"
    hypotheses = {"a": reference, "b": reference.replace("quick", "quack").replace(" lazy", ""), "c": reference}
    rows, tokens = [], []
    for name in "abcd":
        path = tone(folder / f"{name}.wav")
        rows.append(
            {
                "audio_id": f"{name}.wav",
                "source": str(path),
                "size_bytes": path.stat().st_size,
                "duration_ms": 10_000,
                "status": "completed" if name in hypotheses else "failed",
                "error_type": pd.NA if name in hypotheses else "invalid_audio",
                "error_message": pd.NA if name in hypotheses else f"cannot be read {NAUGHTY}",
                "service": service,
                "model": "stt-async-v4",
                "reference": reference,
            }
        )
        for index, word in enumerate(hypotheses.get(name, "").split()):
            tokens.append(
                {
                    "audio_id": f"{name}.wav",
                    "token_index": index,
                    "text": f" {word}",
                    "start_ms": index * 800,
                    "end_ms": index * 800 + 500,
                    "confidence": 0.3 if word == "quack" else 0.95,
                    "speaker": "1" if index < 6 else "2",
                }
            )
    recordings = pd.DataFrame(rows).assign(**columns)
    provenance = sx.Corpus(recordings.iloc[:0]).provenance
    run = {"service": service, "model": "stt-async-v4", "created_at": "2026-01-02T03:04:05+00:00", "soniox_ds": "0.1.0"}
    provenance["runs"] = [{**run, "options": {"context": {"terms": [NAUGHTY]}, "api_key": "s3cret"}}]
    return sx.Corpus(recordings, pd.DataFrame(tokens), provenance)


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(tmp_path, room=["hall", "hall", NAUGHTY, NAUGHTY])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page with everything on it, for the tests that only read."""
    folder = tmp_path_factory.mktemp("report")
    corpus = corpus_of(folder, room=["hall", "hall", NAUGHTY, NAUGHTY])
    return sx.report(corpus, path=folder / "report.html", title=NAUGHTY)


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_has_every_section_and_the_right_figures(written):
    page = page_of(written)
    titles = {value for tag, name, value in page.attributes if tag == "section" and name == "id"}
    assert titles == {
        "summary",
        "errors",
        "places",
        "recordings",
        "confidence",
        "speakers",
        "failed",
        "provenance",
        "conventions",
        "terms",
    }
    assert f"word error rate {2 / 33:.1%}" in page.text
    assert "invalid_audio" in page.text
    assert "normalised by “basic 3”" in page.text
    assert "2 speakers" in page.text
    assert "“audio_id”" in page.text  # the blocks
    assert "local stand-in" not in page.text
    assert "2026-01-02 03:04" in page.text
    assert "[ quick S → quack ]" in page.text
    assert "interval of the ECE none: 3 blocks: below 10 an interval of the ECE is too narrow" in page.text


def test_the_page_needs_nothing_and_runs_nothing(written):
    html = written.read_text(encoding="utf-8")
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "base", "img"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "default-src 'none'" in html.replace("&#x27;", "'")
    outside = [value for name in ("src", "href", "xlink:href") for value in page.values(name)]
    assert all(value.startswith(("#", "data:audio/")) for value in outside)
    assert "url(http" not in html
    assert "s3cret" not in html
    assert written.stat().st_size < 600_000
    assert "<script>alert('x')</script>&" in page.text  # shown as it is


def test_ids_are_unique_and_links_lead_somewhere(written):
    html = written.read_text(encoding="utf-8")
    page = Page(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = [value[1:] for name in ("href", "xlink:href") for value in page.values(name) if value.startswith("#")]
    assert set(links) | set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_figures_follow_the_theme_and_have_a_text(written):
    page = page_of(written)
    figures = [value for tag, name, value in page.attributes if tag == "figure" and name == "aria-label"]
    assert len(figures) >= 3
    assert all(figures)
    svg_colours = " ".join(value for tag, name, value in page.attributes if name == "style" and tag in ("text", "path"))
    assert "currentColor" in svg_colours
    assert "#000000" not in svg_colours


def test_clips_are_the_right_piece_of_the_audio(corpus):
    row = corpus.recordings.iloc[0]
    loudness = [level(cut(row, start, end)) for start, end in ((4200, 5800), (1000, 3000), (5000, 7000))]
    assert loudness[0] == pytest.approx(0.354, abs=0.03)  # the tone
    assert loudness[1] < 0.01  # silence
    assert loudness[2] == pytest.approx(0.25, abs=0.03)  # half of it
    assert seconds(cut(row, 1000, 3000)) == pytest.approx(2.0, abs=0.05)
    assert seconds(cut(row, 0, 60_000)) == pytest.approx(10.0, abs=0.05)
    assert len(cut(row, 0, 60_000).uri) < 70_000


def decoded(piece):
    assert piece.uri, piece.reason
    data = base64.b64decode(piece.uri.partition(",")[2])
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
        return np.concatenate(frames), container.streams.audio[0].rate


def level(piece):
    samples, rate = decoded(piece)
    samples = samples[rate // 20 : -rate // 20]  # without the edges
    return float(np.sqrt((samples**2).mean()))


def seconds(piece):
    samples, rate = decoded(piece)
    return len(samples) / rate


def test_pieces_are_cut_off(tmp_path):
    path = tone(tmp_path / "long.wav", seconds=40)
    row = pd.Series({"source": str(path), "size_bytes": pd.NA, "sha256": pd.NA})
    assert seconds(cut(row, 3000, 39_000)) == pytest.approx(LONGEST_MS / 1000, abs=0.05)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": pd.NA}, "no audio file of the recording is known"),
        ({"source": "https://example.org/a.wav"}, "at a URL"),
        ({"source": "nowhere/a.wav"}, "no longer there"),
        ({"size_bytes": 5}, "not the one that was transcribed"),
        ({"sha256": "00"}, "not the one that was transcribed"),
    ],
)
def test_why_there_is_no_sound(corpus, change, reason):
    row = corpus.recordings.iloc[0].copy()
    for name, value in change.items():
        row[name] = value
    piece = cut(row, 0, 1000)
    assert piece.uri == ""
    assert reason in piece.reason


def test_a_file_that_is_no_audio_and_a_place_after_its_end(tmp_path, corpus):
    (tmp_path / "a.wav").write_bytes(b"RIFF nonsense")
    row = corpus.recordings.iloc[0].copy()
    row["size_bytes"] = pd.NA
    assert "cannot be read" in cut(row, 0, 1000).reason
    assert "ends before" in cut(corpus.recordings.iloc[1], 90_000, 91_000).reason


def test_the_page_is_written_where_the_second_argument_says(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = sx.report(corpus, "meeting.html")
    assert (tmp_path / "meeting.html").is_file()
    assert (str(page), repr(page)) == ("meeting.html", "ReportPath('meeting.html')")
    kilobytes = (tmp_path / "meeting.html").stat().st_size / 1024
    assert page._repr_html_() == (
        f'<a href="meeting.html" target="_blank" rel="noopener">meeting.html</a> ({kilobytes:,.0f} kB)'
    )
    page.unlink()
    assert page._repr_html_() is None


def test_references_are_not_taken_for_the_page(corpus, tmp_path):
    references = tmp_path / "references.csv"
    corpus.recordings[["audio_id", "reference"]].to_csv(references, index=False)
    before = references.read_bytes()
    with pytest.raises(InputError, match=r"ends in \.html; found .*references.csv.*references="):
        sx.report(corpus, references)
    with pytest.raises(InputError, match=r"found a dict\. References are given by name: references="):
        sx.report(corpus, {"a.wav": "text"})
    assert references.read_bytes() == before


def test_every_term_is_explained_once_and_linked(written):
    page = page_of(written)
    terms = [value for tag, name, value in page.attributes if tag == "dt" and name == "id"]
    links = [value[1:] for value in page.values("href") if value.startswith("#term-")]
    assert len(terms) == len(set(terms)) > 10
    assert set(links) == set(terms) - {"term-interval"}  # brackets are in the cells, which have no links
    assert "The number of wrong words (substitutions, deletions and insertions) divided by" in page.text
    assert "term-recall" not in terms  # the page has no comparison


def test_every_cell_names_its_column(written):
    page = page_of(written)
    labels = [value for tag, name, value in page.attributes if tag == "td" and name == "data-label"]
    heads = page.tags.count("td")
    assert len(labels) == heads > 50
    assert {"recording", "word error rate", "lowest confidence", "listen", "options"} <= set(labels)


def test_players_tell_their_length_before_they_are_played(written):
    page = page_of(written)
    preloads = [value for tag, name, value in page.attributes if tag == "audio" and name == "preload"]
    assert len(preloads) == page.tags.count("audio") > 0
    assert set(preloads) == {"metadata"}


def test_without_references_there_are_no_error_rates(corpus, tmp_path):
    plain = sx.Corpus(corpus.recordings.drop(columns="reference"), corpus.tokens, corpus.provenance)
    page = page_of(sx.report(plain, path=tmp_path / "report.html"))
    assert "word error rate" not in page.text
    assert "Least confident places" in page.text
    assert "Without references it is not known which words are wrong" in page.text
    with pytest.raises(InputError, match="there are no references"):
        sx.report(plain, path=tmp_path / "report.html", by="room")
    texts = dict(zip(corpus.recordings["audio_id"], corpus.recordings["reference"], strict=True))
    page = page_of(sx.report(plain, tmp_path / "report.html", texts))
    assert f"word error rate {2 / 33:.1%}" in page.text


def test_the_stand_in_is_named_plainly(tmp_path):
    page = page_of(sx.report(corpus_of(tmp_path, service="local"), path=tmp_path / "report.html", clips=0))
    assert "These transcripts are not from Soniox" in page.text


@pytest.mark.parametrize("keep", ["failed", "silent"])
def test_a_corpus_without_words(corpus, tmp_path, keep):
    own = corpus.failed if keep == "failed" else sx.Corpus(corpus.completed.recordings)
    page = page_of(sx.report(own, path=tmp_path / "report.html"))
    assert "Summary" in page.text
    assert "Least confident places" not in page.text


@pytest.mark.parametrize("given", [[], pd.DataFrame({"audio_id": ["a"]}), {"a": "b"}])
def test_only_a_corpus_is_reported(given, tmp_path):
    with pytest.raises(InputError, match=rf"report takes a Corpus .*, found {type(given).__name__}; .*sx\.concat"):
        sx.report(given, path=tmp_path / "page.html")


def test_the_note_of_the_interval_is_in_the_summary(corpus, tmp_path):
    page = Page(sx.report(corpus, path=tmp_path / "page.html").read_text(encoding="utf-8"))
    assert re.search(
        r"Word error rate: Only \d recordings: the interval is wide. More recordings would narrow it.", page.text
    )


def test_inputs_that_cannot_be_reported(corpus, tmp_path):
    target = tmp_path / "report.html"
    target.write_text("the old page")
    with pytest.raises(InputError, match="no recordings"):
        sx.report(corpus.select([]), path=target)
    with pytest.raises(InputError, match="must be 0 or more"):
        sx.report(corpus, path=target, clips=-1)
    with pytest.raises(InputError, match=r"by contains \['floor'\]"):
        sx.report(corpus, path=target, by="floor")
    assert target.read_text() == "the old page"
    with pytest.raises(InputError, match="does not exist; create it first"):
        sx.report(corpus, path=tmp_path / "nowhere" / "report.html")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["report.html"]


def test_nothing_is_shown_of_what_was_not_asked_for(corpus, tmp_path):
    page = page_of(sx.report(corpus, path=tmp_path / "report.html", recordings=0, clips=0))
    assert "audio" not in page.tags
    assert "Worst recordings" not in page.text


def test_the_command_writes_the_page(corpus, tmp_path, capsys):
    corpus.save(tmp_path / "corpus")
    out = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "corpus"), "-o", str(out), "--by", "room", "--title", "Trial"]) == 0
    assert f"written: {out}" in capsys.readouterr().out
    page = page_of(out)
    assert "Trial" in page.text
    assert "By room" in page.text
    references = tmp_path / "references.csv"
    corpus.recordings[["audio_id", "reference"]].iloc[:1].to_csv(references, index=False)
    assert main(["report", str(tmp_path / "corpus"), "-o", str(out), "--references", str(references)]) == 0
    assert "word error rate 0.0%" in page_of(out).text
    (tmp_path / "x.docx").write_text("no references")
    assert main(["report", str(tmp_path / "corpus"), "--references", str(tmp_path / "x.docx")]) == 2
    assert "csv" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nowhere"), "-o", str(out)]) == 2


def test_an_empty_cell_is_no_reference_and_quotes_are_silence(corpus, tmp_path, capsys):
    corpus.save(tmp_path / "corpus")
    references = tmp_path / "references.csv"
    reference = corpus.recordings["reference"][0]
    references.write_text(f'audio_id,reference\na.wav,{reference}\nb.wav,\nc.wav,""\n', encoding="utf-8")
    out = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "corpus"), "-o", str(out), "--references", str(references)]) == 0
    assert "1 of 3 cells of 'reference'" in capsys.readouterr().err
    assert f"word error rate {11 / 11:.1%}" in page_of(out).text  # all eleven words of c.wav are insertions


def test_references_are_read_in_any_format(corpus, tmp_path, capsys):
    texts = [
        {"session_id": audio_id, "words": text, "speaker": "1", "start_time": 0, "end_time": 9}
        for audio_id, text in zip(corpus, ["käse für alle leute hier im saal"] * len(corpus), strict=True)
    ]
    references = tmp_path / "seglst.txt"
    references.write_text(json.dumps(texts, ensure_ascii=False), encoding="latin-1")
    page = sx.report(corpus, tmp_path / "report.html", references, format="seglst", encoding="latin-1")
    assert "käse" in page.read_text(encoding="utf-8")
    corpus.save(tmp_path / "corpus")
    arguments = ["report", str(tmp_path / "corpus"), "-o", str(tmp_path / "by command.html")]
    of_file = ["--references", str(references), "--references-format", "seglst", "--references-encoding", "latin-1"]
    assert main([*arguments, *of_file]) == 0
    assert "käse" in (tmp_path / "by command.html").read_text(encoding="utf-8")
    assert main([*arguments, "--references-format", "seglst"]) == 2
    assert "describe the file of --references" in capsys.readouterr().err
    with pytest.raises(
        InputError, match=r"format and encoding describe a file of references, but references is a dict"
    ):
        sx.report(corpus, tmp_path / "report.html", dict.fromkeys(corpus, "good"), format="seglst")


def test_speakers_are_measured_and_scored_against_turns(corpus, tmp_path):
    turns = tmp_path / "turns.rttm"
    # 1 talks until 4.5 s, 2 from 4.8 s to 8.5 s; by the reference from 3.5 s: 1 s of the wrong speaker, 0.3 s missed
    lines = [("a", 0.0, 3.5, "ann"), ("a", 3.5, 5.0, "bob")]
    rows = [f"SPEAKER {name}.wav 1 {start} {length} <NA> <NA> {who} <NA> <NA>" for name, start, length, who in lines]
    turns.write_text("\n".join(rows) + "\n", encoding="utf-8")
    corpus.select(["a.wav"]).save(tmp_path / "corpus")
    out = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "corpus"), "-o", str(out), "--turns", str(turns)]) == 0
    page = page_of(out)
    assert f"all together {1.3 / 8.5:.1%}" in page.text
    assert "words per minute" in page.text
    silent = sx.Corpus(corpus.recordings, corpus.tokens.drop(columns="speaker"))
    with pytest.raises(InputError, match="no word of the corpus has a speaker"):
        sx.report(silent, path=out, turns=turns)


def test_languages_and_how_often_their_words_are_right(corpus, tmp_path):
    languages = np.where(corpus.tokens["text"].isin([" quack", " fox"]), "de", "en")
    spoken = sx.Corpus(corpus.recordings, corpus.tokens.assign(language=languages))
    page = page_of(sx.report(spoken, path=tmp_path / "report.html"))
    assert "de 3 4 12.5% 0.0 minutes 0.788 75.0%" in page.text  # fox thrice, quack once
    assert "en 3 28 87.5%" in page.text


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_an_experiment_has_a_section(corpus, tmp_path):
    better = sx.Corpus(corpus.recordings, corpus.tokens.replace({"text": {" quack": " quick"}}))
    trial = Comparison(
        arms={"plain": TranscriptionOptions(), "terms": TranscriptionOptions(context={"terms": ["quick"]})},
        corpora={"plain": [corpus.completed], "terms": [better.completed]},
        references=None,
        terms=["quick"],
        distractors=[],
        normalizer="basic",
        block=None,
        ci=0.95,
        seed=0,
    )
    page = page_of(sx.report(corpus, path=tmp_path / "report.html", comparison=trial))
    assert "“plain”, recording by recording" in page.text
    assert f"plain {2 / 33:.1%}" in page.text
    assert f"terms {1 / 33:.1%}" in page.text
    assert f"plain {2 / 3:.1%}" in page.text  # the recall of the one term


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_an_experiment_is_reported_by_itself_and_by_the_command(corpus, tmp_path, capsys):
    better = sx.Corpus(corpus.recordings, corpus.tokens.replace({"text": {" quack": " quick"}}))
    trial = sx.compare(corpus.recordings, arms={"first": corpus, "second": better}, progress=False)
    page = page_of(sx.report(trial, tmp_path / "trial.html"))
    assert f"first {2 / 33:.1%}" in page.text
    assert f"second {1 / 33:.1%}" in page.text
    assert "second better quick quack quick b.wav 0:00" in page.text
    with pytest.raises(InputError, match="has its own references"):
        sx.report(trial, tmp_path / "trial.html", {"a.wav": "text"})
    corpus.save(tmp_path / "first")
    better.save(tmp_path / "other")
    command = ["report", str(tmp_path / "first"), "-o", str(tmp_path / "both.html"), "--compare"]
    assert main([*command, f"second={tmp_path / 'other'}"]) == 0
    assert "second better quick quack quick b.wav 0:00" in page_of(tmp_path / "both.html").text
    assert main([*command, str(tmp_path / "other")]) == 0
    assert f"other {1 / 33:.1%}" in page_of(tmp_path / "both.html").text
    assert main([*command, f"first={tmp_path / 'other'}"]) == 2
    assert "the name 'first' is given twice" in capsys.readouterr().err


def test_hollow_marks_are_filled_with_the_background_of_the_page():
    def draw(ax):
        ax.plot([1], [1], "s", color=BLUE, markerfacecolor=paper(ax))

    marks = re.findall('<use [^>]*style="([^"]*)"', figure(draw, name="marks", alt="a mark", width=2, height=2).svg)
    assert marks[-1].startswith("fill: var(--page); stroke: var(--blue)")


TAGS_OF_A_PAGE = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "a", "main", "section"),
    *(
        "dl",
        "div",
        "dt",
        "dd",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "figure",
        "figcaption",
    ),
    *("bdi", "u", "i", "audio", "span", "sup", "code", "details", "summary", "pre"),
}
TAGS_OF_A_FIGURE = {"svg", "defs", "g", "path", "use", "text", "tspan", "clippath", "rect"}


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_hostile_text_is_text_in_every_section(corpus, tmp_path):
    names = {"a.wav": NAUGHTY, "b.wav": "\"><img src=x onerror=y>'", "c.wav": "שלום \u202e.wav", "d.wav": "</section>"}
    words = {" quick": " <script>", " quack": ' "onload="', " fox": " </bdi>שלום", " jumps": " \u202ejumps"}
    recordings = corpus.recordings.replace({"audio_id": names})
    tokens = corpus.tokens.replace({"audio_id": names, "text": words, "speaker": {"1": "<script>", "2": '"onload="'}})
    tokens["language"] = np.where(tokens["token_index"] % 2, "<en>", "he\" onload='x'")
    recordings["warnings"] = ["<b> 'x'", pd.NA, pd.NA, pd.NA]
    hostile = sx.Corpus(recordings, tokens, corpus.provenance)
    turns = pd.DataFrame({"audio_id": NAUGHTY, "speaker": "</td>", "start_ms": [0], "end_ms": [3500]})
    arms = {NAUGHTY: TranscriptionOptions(), "</table>": TranscriptionOptions()}
    trial = Comparison(
        arms=arms,
        corpora={name: [hostile.completed] for name in arms},
        references=None,
        terms=["</td>"],
        distractors=[],
        normalizer="none",
        block=None,
        ci=0.95,
        seed=0,
    )
    path = sx.report(
        hostile,
        path=tmp_path / "report.html",
        title=NAUGHTY,
        by="room",
        normalizer="none",
        turns=turns,
        comparison=trial,
    )
    page = page_of(path)
    sections = [value for tag, name, value in page.attributes if tag == "section" and name == "id"]
    assert len(sections) == 12, "every section is there"
    assert set(page.tags) <= TAGS_OF_A_PAGE | TAGS_OF_A_FIGURE
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "\x0b" not in path.read_text(encoding="utf-8")
    for text in ("<script>alert('x')</script>&", "\"><img src=x onerror=y>'", "</section>", "he\" onload='x'"):
        assert text in page.text
    assert "<bdi>שלום \u202e.wav</bdi>" in path.read_text(encoding="utf-8")
    clips = path.read_text(encoding="utf-8").partition('id="places"')[2].partition("</section>")[0]
    assert clips.count("\u202ejumps") == clips.count("<bdi>\u202ejumps</bdi>") == 3


def test_a_place_shows_no_words_that_another_channel_spoke_before_it():
    """Words of separate channels are ordered segment by segment, so that earlier words may follow later ones."""
    pieces = [(f" w{second}", 1, 1000 * second) for second in range(40)]
    pieces.insert(1, (" early", 2, 500))
    texts, channels, starts = zip(*pieces, strict=True)
    tokens = pd.DataFrame(
        {
            "audio_id": "a",
            "token_index": range(len(pieces)),
            "text": texts,
            "channel": channels,
            "start_ms": starts,
            "end_ms": [start + 300 for start in starts],
            "confidence": [0.1 if text == " w39" else 0.99 for text in texts],
        }
    )
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), tokens)
    section = places(Findings.of(corpus, None, None, None), 1)
    shown = [word["text"] for word in section["places"][0]["words"]]
    assert shown[-1] == "w39"
    assert "early" not in shown


def errors_of(*rows):
    names = ["audio_id", "status", "substitutions", "reference_words", "wer"]
    return pd.DataFrame(rows, columns=names).assign(deletions=0, insertions=0)


def test_the_worst_recordings_are_those_with_the_highest_rate_and_enough_words():
    errors = errors_of(
        ("short", "scored", 1, 1, 1.0),
        ("good", "scored", 0, 50, 0.0),
        ("bad", "scored", 5, 50, 0.1),
        ("worse", "scored", 10, 50, 0.2),
        ("lost", "failed", pd.NA, pd.NA, pd.NA),
    )
    assert worst_recordings(errors, 5)["audio_id"].tolist() == ["worse", "bad", "short"]
    assert worst_recordings(errors, 1)["audio_id"].tolist() == ["worse"]


def test_columns_worth_grouping_by():
    errors = pd.DataFrame(
        {
            "status": "scored",
            "room": ["x", "x", "y", "y"],
            "same": "z",
            "own": list("abcd"),
            "snr": [0.1, 0.1, 0.2, 0.2],
            "reference": ["a", "a", "b", "b"],
            "take": [1, 1, 2, 2],
        }
    )
    columns = ["room", "same", "own", "snr", "reference", "take", "absent"]
    assert grouping_columns(errors, columns) == ["room", "take"]


@pytest.mark.parametrize(
    ("columns", "lost"),
    [
        pytest.param({"region": [pd.NA] * 4}, "", id="no value"),
        pytest.param({"region": [pd.NA, pd.NA, pd.NA, "north"]}, "", id="of the failed one only"),
        pytest.param({"region": ["north", "north", "south", "south"]}, "abcd", id="every recording failed"),
    ],
)
def test_a_text_column_without_a_value_among_the_scored_is_left_out(tmp_path, capsys, columns, lost):
    whole = corpus_of(tmp_path, **{name: pd.array(values, "string") for name, values in columns.items()})
    failed = [name[0] in lost for name in whole.recordings["audio_id"]]
    kept = whole.tokens[~whole.tokens["audio_id"].str[0].isin(list(lost))]
    recordings = whole.recordings.assign(status=whole.recordings["status"].mask(failed, "failed"))
    corpus = sx.Corpus(recordings, kept, whole.provenance)
    page = Page(sx.report(corpus, path=tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "By region" not in page.text
    assert "Word errors" in page.text
    corpus.save(tmp_path / "corpus")
    assert main(["report", str(tmp_path / "corpus"), "-o", str(tmp_path / "again.html")]) == 0, capsys.readouterr().err


def test_the_densest_errors_are_taken():
    rows = pd.DataFrame(
        {"operation": ["hit"] * 30, "start_ms": range(0, 30_000, 1000), "end_ms": range(500, 30_500, 1000)}
    )
    rows.loc[[2, 20, 21, 23], "operation"] = "substitution"
    assert worst_place(rows) == (19_300, 24_200)
    assert worst_place(rows.assign(operation="hit")) is None
    assert worst_place(rows.assign(start_ms=pd.NA, end_ms=pd.NA)) is None
    assert excerpt(rows, 4).index.tolist() == [20, 21, 22, 23]
    assert len(excerpt(rows, 50)) == 30
