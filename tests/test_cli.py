"""The command line, against the scripted stand-in of the fixture."""

import json
import os
import re
import signal
import subprocess
import sys

import pandas as pd
import pytest
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds.cli import main
from soniox_ds.io.formats import FORMATS
from soniox_ds.options import ASYNC_MODEL


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_transcribe_writes_a_corpus(service, tiny_wav, tmp_path, capsys):
    tiny_wav(tmp_path / "calls" / "a.wav", seed=1)
    tiny_wav(tmp_path / "calls" / "b.wav", seed=2)
    out = tmp_path / "corpus"
    status = main(["transcribe", str(tmp_path / "calls"), "--out", str(out), "--enable-speaker-diarization"])
    assert status == 0
    assert "2 recordings" in capsys.readouterr().out
    corpus = sx.read_corpus(out)
    assert list(corpus) == ["a.wav", "b.wav"]
    assert corpus.tokens["speaker"].notna().all()
    assert corpus.provenance["runs"][0]["options"]["enable_speaker_diarization"] is True


def test_transcribe_appends_and_takes_context(service, tiny_wav, tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 2)):
        tiny_wav(tmp_path / f"{name}.wav", seed=seed)
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"general": {"domain": "Healthcare"}, "terms": ["Zyrtec"]}))
    common = ["--out", str(tmp_path / "corpus"), "--terms", "Celebrex", "--context", str(context)]
    assert main(["transcribe", str(tmp_path / "a.wav"), *common]) == 0
    assert main(["transcribe", str(tmp_path / "b.wav"), *common, "--append"]) == 0
    corpus = sx.read_corpus(tmp_path / "corpus")
    assert len(corpus) == 2
    assert corpus.provenance["runs"][0]["options"]["context"]["terms"] == ["Zyrtec", "Celebrex"]


def test_transcribe_waits_for_webhooks(service, tiny_wav, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "open-sesame-1234")
    journal, out = tmp_path / "journal.sqlite", tmp_path / "corpus"
    command = ["transcribe", str(tiny_wav(tmp_path / "a.wav")), "--out", str(out), "--journal", str(journal)]
    with sx.WebhookReceiver(port=0, journal=journal) as receiver:
        assert main([*command, "--webhook-url", receiver.url]) == 0
    assert not {"list", "get"} & {request.route for request in service.requests}
    assert [webhook.status for webhook in service.webhooks] == [200]
    monkeypatch.delenv("SONIOX_API_WEBHOOK_SECRET")
    assert main([*command, "--overwrite", "--webhook-url", "https://me.example"]) == 2
    assert "Set SONIOX_API_WEBHOOK_SECRET" in capsys.readouterr().err


def test_the_text_goes_to_standard_output_and_nothing_else_does(service, tiny_wav, tmp_path, capsys):
    path = tiny_wav(tmp_path / "a.wav", seed=1)
    assert main(["transcribe", str(path)]) == 0
    shown = capsys.readouterr()
    text = sx.transcribe(path, progress=False).recordings["text"].item()
    assert len(text) > 20
    assert shown.out == f"{text.strip()}\n"
    assert "1 of 1 done" in shown.err
    assert "Corpus: 1 recording" in shown.err
    assert main(["transcribe", str(path), "--out", str(tmp_path / "corpus")]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{text.strip()}\n"
    assert "saved to" in shown.err
    assert sx.read_corpus(tmp_path / "corpus").recordings["text"].item() == text
    assert main(["transcribe", str(path), "--out", str(tmp_path / "corpus"), "--no-text"]) == 0
    assert capsys.readouterr().out.startswith("Opened corpus")


def test_texts_of_several_recordings_have_headings(service, tiny_wav, tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 2)):
        tiny_wav(tmp_path / "calls" / f"{name}.wav", seed=seed)
    (tmp_path / "calls" / "c.wav").write_bytes(b"")
    corpus = sx.transcribe(tmp_path / "calls" / "a.wav", progress=False, enable_speaker_diarization=True)
    command = ["transcribe", str(tmp_path / "calls"), "--enable-speaker-diarization"]
    assert main(command) == 1
    shown = capsys.readouterr()
    heads = [line for line in shown.out.splitlines() if line.startswith("== ")]
    assert heads == ["== a.wav ==", "== b.wav =="]
    first = shown.out.split("== b.wav ==")[0].removeprefix("== a.wav ==\n")
    assert all(line.startswith("Speaker ") for line in first.splitlines() if line)
    said = " ".join(line.partition(": ")[2] for line in first.splitlines() if line)
    assert said == corpus.recordings["text"].item().strip()
    assert "empty_file" in shown.err
    assert main([*command, "--out", str(tmp_path / "corpus")]) == 1
    assert "== a.wav ==" not in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path / "corpus"), "--text"]) == 1
    assert capsys.readouterr().out == shown.out


def test_options_of_the_folder_need_the_folder(service, tiny_wav, tmp_path, capsys):
    path = str(tiny_wav(tmp_path / "a.wav"))
    for more, message in (
        (["--no-text"], "--no-text without --out would throw the transcripts away"),
        (["--append"], "--append is about the folder of the corpus; give --out"),
        (["--partition-by", "speaker"], "--partition-by is about the folder of the corpus; give --out"),
    ):
        assert main(["transcribe", path, *more]) == 2
        assert message in capsys.readouterr().err
    assert not service.requests


def test_columns_of_a_manifest_are_named(service, tiny_wav, tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 2)):
        tiny_wav(tmp_path / "audio" / f"{name}.wav", seed=seed)
    manifest = tmp_path / "lists" / "calls.csv"
    manifest.parent.mkdir()
    manifest.write_text("Take,Key,Words,room,note\na.wav,one,hello,hall,x\nb.wav,two,bye,cell,y\n", encoding="utf-8")
    named = ["--audio-column", "Take", "--id-column", "Key", "--reference-column", "Words"]
    command = ["transcribe", str(manifest), *named, "--audio-root", str(tmp_path / "audio")]
    out = ["--out", str(tmp_path / "corpus")]
    assert main([*command, *out, "--columns", "room"]) == 0
    recordings = sx.read_corpus(tmp_path / "corpus").recordings
    assert recordings["audio_id"].tolist() == ["one", "two"]
    assert recordings["reference"].tolist() == ["hello", "bye"]
    assert recordings["room"].tolist() == ["hall", "cell"]
    assert "note" not in recordings
    capsys.readouterr()
    assert main([*command, *out, "--columns", "rom"]) == 2
    assert "--columns rom: the sources have no such column" in capsys.readouterr().err
    assert main(["plan", *command[1:], "--id-column", "Kee"]) == 2
    assert "has no column 'Kee' (id_column)" in capsys.readouterr().err
    assert main(["plan", *command[1:]]) == 0


def test_every_command_that_asks_the_service_also_asks_a_stand_in(monkeypatch, tiny_wav, tmp_path, capsys):
    for name in ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL"):
        monkeypatch.delenv(name, raising=False)
    audio = str(tiny_wav(tmp_path / "a.wav"))
    for command, shown in (
        (["models"], ASYNC_MODEL),
        (["usage"], "nothing was used"),
        (["files"], "no files are stored"),
        (["transcriptions"], "no transcriptions are stored"),
        (["clean"], "nothing of this journal is on the server"),
        (["plan", audio], "1 recording"),
    ):
        assert main([*command, "--local"]) == 0, command
        assert shown in capsys.readouterr().out, command
        with pytest.raises(SystemExit):
            main([*command, "--local", "--region", "eu"])
        assert "not allowed with argument --local" in capsys.readouterr().err
    assert "SONIOX_API_KEY" not in os.environ


def completed_by_bash(script, *words):
    """The completions that bash offers for the last word."""
    typed = " ".join(f"'{word}'" for word in words)
    code = f"""
        source {script}
        COMP_WORDS=(soniox-ds {typed}); COMP_CWORD={len(words)}
        COMP_LINE="soniox-ds {" ".join(words)}"; COMP_POINT=${{#COMP_LINE}}
        handler=$(complete -p soniox-ds | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $handler soniox-ds '{words[-1]}' '{words[-2] if len(words) > 1 else "soniox-ds"}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_options_and_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "bash"]) == 0
    (tmp_path / "script.bash").write_text(capsys.readouterr().out)
    (tmp_path / "meeting.mp3").touch()
    assert completed_by_bash("script.bash", "trans") == ["transcribe", "transcriptions"]
    assert "--language-hints" in completed_by_bash("script.bash", "transcribe", "--lang")
    assert completed_by_bash("script.bash", "export", "corpus", "--format", "textg") == ["textgrid"]
    assert completed_by_bash("script.bash", "transcribe", "meet") == ["meeting.mp3"]


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_a_completion_script(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "transcribe" in script
    assert "audio-root" in script


def test_failed_recordings_are_told_by_the_exit_status(service, tiny_wav, tmp_path, capsys):
    tiny_wav(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_bytes(b"")
    assert main(["transcribe", str(tmp_path / "*.wav"), "--out", str(tmp_path / "corpus")]) == 1
    assert "empty_file" in capsys.readouterr().out


def test_outputs_that_cannot_be_saved_are_refused_before_anything_is_paid(service, tiny_wav, tmp_path, capsys):
    audio = str(tiny_wav(tmp_path / "a.wav"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    for out, more, message in (
        ("full", [], "--append or --overwrite"),
        ("a.wav", [], "this is a file"),
        ("a.wav/below", [], "this is a file"),
        ("new", ["--append", "--overwrite"], "give only one of them"),
        ("new", ["--partition-by", "nope"], "no such column"),
    ):
        assert main(["transcribe", audio, "--out", str(tmp_path / out), *more]) == 2
        assert message in capsys.readouterr().err
    assert not service.requests
    assert not (tmp_path / "new").exists()


def test_a_limit_of_the_cost_leaves_recordings_out(service, tiny_wav, tmp_path, capsys):
    for seed in range(3):
        tiny_wav(tmp_path / f"{seed}.wav", seconds=36, seed=seed)  # 0.001 USD each
    arguments = ["transcribe", str(tmp_path / "*.wav"), "--out", str(tmp_path / "corpus"), "--max-cost-usd"]
    assert main([*arguments, "0.0021"]) == 1
    assert "max_cost_reached: not sent: max_cost_usd is 0.0021" in capsys.readouterr().out
    assert sx.read_corpus(tmp_path / "corpus").recordings["status"].tolist() == ["completed"] * 2 + ["failed"]
    assert main([*arguments, "0.0021", "--overwrite"]) == 0
    assert main([*arguments, "-1", "--overwrite"]) == 2


def test_nothing_transcribed_is_nothing_saved(service, tmp_path, capsys):
    command = ["transcribe", str(tmp_path / "nope.wav"), "--out", str(tmp_path / "corpus"), "--overwrite"]
    assert main(command) == 1
    assert "nothing was saved" in capsys.readouterr().err
    assert not (tmp_path / "corpus").exists()


def test_the_same_command_continues_the_corpus_and_more_recordings_are_appended(service, tiny_wav, tmp_path, capsys):
    command = ["transcribe", str(tmp_path / "calls"), "--out", str(tmp_path / "corpus")]
    tiny_wav(tmp_path / "calls" / "b.wav", seed=1)
    (tmp_path / "calls" / "c.wav").write_bytes(b"")
    assert main(command) == 1
    tiny_wav(tmp_path / "calls" / "a.wav", seed=2)
    tiny_wav(tmp_path / "calls" / "c.wav", seed=3)
    assert main(command) == 0
    assert list(sx.read_corpus(tmp_path / "corpus")) == ["b.wav", "c.wav", "a.wav"]
    assert sum(request.route == "upload" for request in service.requests) == 3
    assert main([*command, "--language-hints", "de"]) == 2
    assert "with another options" in capsys.readouterr().err


def test_errors_are_shown_without_a_traceback(service, tmp_path, capsys):
    assert main(["transcribe", str(tmp_path / "nowhere"), "--out", str(tmp_path / "corpus")]) == 2
    assert "nowhere" in capsys.readouterr().err
    broken = tmp_path / "context.json"
    broken.write_text("{")
    assert main(["transcribe", "x.wav", "--out", "y", "--context", str(broken)]) == 2
    assert "cannot be read as JSON" in capsys.readouterr().err


def test_without_a_key_both_ways_on_are_named(monkeypatch, tmp_path, capsys):
    for name in ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["models"]) == 2
    message = capsys.readouterr().err
    assert "SONIOX_API_KEY" in message
    assert "local_service" in message


def test_models_usage_and_clean(service, tiny_wav, tmp_path, capsys):
    assert main(["models"]) == 0
    assert ASYNC_MODEL in capsys.readouterr().out
    assert main(["usage"]) == 0
    assert "nothing was used" in capsys.readouterr().out
    sx.transcribe(tiny_wav(tmp_path / "a.wav"), progress=False)
    assert main(["usage"]) == 0
    assert ASYNC_MODEL in capsys.readouterr().out
    assert main(["clean"]) == 0
    assert "nothing of this journal" in capsys.readouterr().out


def test_charges_stand_beside_the_estimates(service, tiny_wav, tmp_path, capsys):
    paths = [tiny_wav(tmp_path / name, seconds=36.0, seed=seed) for seed, name in enumerate(("a.wav", "b.wav"))]
    corpus = sx.transcribe(paths, progress=False)
    corpus.save(tmp_path / "corpus")
    assert main(["charges", str(tmp_path / "corpus"), "--out", str(tmp_path / "charged")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["audio_id", "status", "duration_ms", "estimate_usd", "charged_usd", "charged_requests"]
    assert [line[1:] for line in lines[1:3]] == [["completed", "36000", "0.001", "0.001", "1"]] * 2
    assert lines[4] == ["recordings", "hours", "estimate_usd", "charged_recordings", "charged_usd"]
    assert lines[5] == ["2", "0.02", "0.002", "2", "0.002"]
    saved = sx.read_corpus(tmp_path / "charged")
    assert saved.recordings["charged_usd"].tolist() == pytest.approx([0.001, 0.001])
    assert sx.read_corpus(tmp_path / "corpus").equals(corpus), "the corpus itself is unchanged"
    assert main(["charges", str(tmp_path / "corpus"), "--out", str(tmp_path / "charged")]) == 2
    assert "charged: the folder is not empty; name another folder\n" in capsys.readouterr().err
    assert main(["charges", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_clean_deletes_what_a_stopped_run_left(service, tiny_wav, tmp_path, capsys):
    service.faults.rate("stuck", 1.0)
    with pytest.warns(sx.exceptions.RecordingsFailedWarning, match="timeout"):
        sx.transcribe(tiny_wav(tmp_path / "a.wav"), progress=False, timeout_s=0.3)
    assert main(["clean"]) == 0
    assert "kept: paid for but not fetched" in capsys.readouterr().out
    assert main(["clean", "--unfinished"]) == 0
    assert re.search("busy|deleted", capsys.readouterr().out)


def test_serve_prints_three_exports_and_stops(tmp_path):
    code = "from soniox_ds.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", code, "serve", "--recognizer", "scripted", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    exports = []
    for line in process.stdout:
        if line.startswith("export "):
            exports.append(line.split("=", 1))
        if len(exports) == 3:
            break
    assert [name for name, _ in exports] == [
        "export SONIOX_API_KEY",
        "export SONIOX_API_BASE_URL",
        "export SONIOX_WS_URL",
    ]
    values = {name.removeprefix("export "): value.strip() for name, value in exports}
    connection = sx.Connection(api_key=values["SONIOX_API_KEY"], api_base_url=values["SONIOX_API_BASE_URL"])
    assert "stt-async-v4" in set(sx.account.models(connection=connection)["id"])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
def test_the_demo_shows_real_recognition(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SONIOX_API_KEY", raising=False)
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out), "--local"]) == 0
    shown = capsys.readouterr().out
    pooled = re.search(r"all together: WER (0\.\d+), 95 % interval", shown)
    assert pooled, shown
    assert float(pooled[1]) < 0.2
    assert "LOCAL" in shown
    assert "say nothing about the quality of Soniox" in shown
    without, with_terms = (
        [int(count) for count in re.findall(rf"{label} .*?(\d+) of \d+ terms recognised", shown, re.DOTALL)]
        for label in ("without", "with   ")
    )
    assert len(without) == len(with_terms) == 2
    assert sum(with_terms) > sum(without)
    der = re.findall(r"all together: DER (0\.\d+)", shown)
    assert len(der) == 1
    assert float(der[0]) < 0.2
    assert (out / "timeline.png").stat().st_size > 5_000
    corpus = sx.read_corpus(out / "corpus")
    assert len(corpus) == 17
    assert set(corpus.recordings["service"]) == {"local"}


def test_a_console_that_lacks_letters_is_no_hindrance(service, tiny_wav, tmp_path):
    """The consoles of Windows often know 256 letters, and so does output that goes to a file there."""
    tiny_wav(tmp_path / "разговор.wav")
    command = "import sys; from soniox_ds.cli import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            command,
            "transcribe",
            str(tmp_path / "разговор.wav"),
            "--out",
            str(tmp_path / "корпус"),
        ],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        encoding="cp1252",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert rf"saved to {tmp_path}/\u043a\u043e\u0440\u043f\u0443\u0441" in ran.stderr


def test_export_writes_a_format_of_other_tools(tmp_path, capsys):
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0], "text": ["hi"], "start_ms": [0], "end_ms": [500]})
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), tokens.assign(speaker="1"))
    corpus.save(tmp_path / "corpus")
    arguments = ["export", str(tmp_path / "corpus"), "--format", "rttm", "--out", str(tmp_path / "a.rttm")]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"written: {tmp_path / 'a.rttm'}\n"
    assert (tmp_path / "a.rttm").read_text() == "SPEAKER a 1 0.000 0.500 <NA> <NA> 1 <NA> <NA>\n"
    assert main([*arguments, "--set", "collar=3"]) == 2
    assert "keyword arguments of write_rttm: it has none; found 'collar=3'" in capsys.readouterr().err


def test_export_writes_every_format_with_its_options(tmp_path, capsys):
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0], "text": ["hi"], "start_ms": [0], "end_ms": [500]})
    recordings = pd.DataFrame({"audio_id": ["a"], "status": ["completed"], "source": [str(tmp_path / "a.wav")]})
    sx.Corpus(recordings, tokens.assign(speaker="1")).save(tmp_path / "corpus")
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    for name in [name for name, each in FORMATS.items() if each.writer]:
        out = tmp_path / "exports" / name
        out.parent.mkdir(exist_ok=True)
        assert main(["export", str(tmp_path / "corpus"), "--format", name, "--out", str(out)]) == 0
        written = out.with_suffix(".xlsx") if name == "excel" else out  # Excel opens no file without the extension.
        assert written.exists()
        assert capsys.readouterr().out == f"written: {written}\n"
    arguments = ["export", str(tmp_path / "corpus"), "--format", "srt", "--out", str(tmp_path / "a.srt")]
    assert main([*arguments, "--set", "speaker_labels=true", "min_ms=0", "characters_per_s=None"]) == 0
    assert (tmp_path / "a.srt").read_text() == "1\n00:00:00,000 --> 00:00:00,500\nSpeaker 1: hi\n\n"
    assert main([*arguments, "--set", "lines=0"]) == 2
    assert "lines" in capsys.readouterr().err
    assert main([*arguments, "--set", "min_ms="]) == 2
    assert "--set min_ms= has no value; give min_ms=VALUE, min_ms=none" in capsys.readouterr().err
