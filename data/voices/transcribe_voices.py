"""Transcribe the voices once with the stand-in's Whisper, and save the corpus that `sx.load_samples` reads.

The script needs ``pip install "soniox-ds[local]"`` and no network. Run it after `make_voices.py`: ``python
transcribe_voices.py [--journal FILE]``. It takes about ten minutes of processor time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import soniox_ds as sx

HERE = Path(__file__).resolve().parent
NOTE = (
    "Synthetic voices (Kokoro-82M), transcribed once by the stand-in's Whisper tiny.en, not by Soniox. "
    "The rates say nothing about people, accents or Soniox."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--journal", type=Path, help="a journal to continue from (default: none)")
    arguments = parser.parse_args()
    with sx.local_service("whisper"), tempfile.TemporaryDirectory() as folder:
        corpus = sx.transcribe(
            HERE / "manifest.csv",
            enable_speaker_diarization=True,
            enable_language_identification=True,
            language_hints=["en"],
            journal=arguments.journal or Path(folder) / "voices.journal.sqlite",
        )
    if len(corpus.failed):
        raise SystemExit(f"not transcribed: {corpus.failed.recordings[['audio_id', 'error_message']].to_string()}")
    paths = ["audio/" + Path(source).name for source in corpus.recordings["source"]]
    recordings = corpus.recordings.assign(source=paths)
    sx.Corpus(recordings, corpus.tokens, {**corpus.provenance, "note": NOTE}).save(HERE / "corpus", overwrite=True)
    (HERE / "corpus" / ".corpus.lock").unlink(missing_ok=True)  # The lock is not packaged.
    errors = sx.word_errors(corpus)
    for by in (None, "group", "condition", "topic"):
        print(sx.summarize(errors, by=by).to_string())


if __name__ == "__main__":
    main()
