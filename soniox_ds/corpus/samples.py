"""The recordings and the corpus of synthetic voices that come with the package."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.opened import read_corpus
from soniox_ds.files.packaged import packaged_folder

__all__ = ["load_samples", "read_sample_turns", "samples_folder"]

_TURNS = {"audio_id": "string", "speaker": "string", "start_ms": "Int32", "end_ms": "Int32", "text": "string"}


def load_samples() -> Corpus:
    """Load the corpus of synthetic voices that comes with the package, with its transcripts and its audio.

    It has 228 short recordings of 43 voices: 216 sentences, each read by one voice, and 12 conversations of two voices.
    Use it to try the functions of the package: it has groups to compare, enough errors for intervals and calibration,
    and speakers. The transcripts come with the package, so no audio is transcribed and nothing is sent.

    **The voices are synthetic, and the transcripts are not Soniox's.** A program (Kokoro-82M) spoke the recordings, and
    the small Whisper model of the stand-in (`sx.local_service`) transcribed them once, before they were packaged. Do
    not present an error rate of this corpus as the error rate of people, of an accent or of Soniox. The provenance of
    the corpus contains the same warning.

    Returns
    -------
    Corpus
        The metadata columns of `recordings` are

        - `reference`: the text that was given to the voice, so that ``sx.word_errors(corpus)`` needs no other argument;
        - `speaker`: the voice; NA in conversations;
        - `group`: ``"US female"``, ``"US male"``, ``"UK female"``, ``"UK male"``, and ``"other female"`` and ``"other
          male"`` for voices of other languages that read English. Conversations whose voices differ have ``"mixed"``
          here, and in `accent` and `gender`;
        - `accent`: ``"US"``, ``"UK"``, or the language of the voice, such as ``"French voice"``. The latter is how a
          program reads English with a voice made for French, not the accent of any person;
        - `gender`: ``"female"`` or ``"male"``;
        - `topic`: ``"travel"``, ``"health"`` and eight more;
        - `condition`: ``"clean"``, ``"noisy"`` or ``"telephone"`` (300 to 3400 Hz), and `snr_db` of the noise;
        - `kind`: ``"reading"`` or ``"conversation"``;
        - `terms`: rare names in the text, joined by semicolons.

        `source` is the path of the audio in the installed package, so that players and `sx.transcribe` find it.
        `sx.io.read_sample_turns` returns the turns of the speakers.

    Raises
    ------
    SetupError
        If the files are missing from the installation.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> corpus = sx.load_samples()
    >>> len(corpus), corpus.recordings["speaker"].nunique()
    (228, 43)
    >>> errors = sx.word_errors(corpus)
    >>> summary = sx.summarize(errors, by="condition", n_resamples=500)
    >>> summary["condition"].tolist()
    ['clean', 'noisy', 'telephone']
    """
    folder = packaged_folder("voices", "corpus")
    corpus = read_corpus(folder / "corpus")
    paths = [os.path.join(folder, *source.split("/")) for source in corpus.recordings["source"]]
    corpus.recordings = corpus.recordings.assign(source=pd.array(paths, dtype="string"))
    return corpus


def read_sample_turns() -> pd.DataFrame:
    """Read the reference speaker turns of the recordings in `sx.load_samples`.

    The times are those at which the program that made the recordings put the speech into the audio.

    Returns
    -------
    DataFrame
        One row for each turn, with the columns `audio_id`, `speaker` (the voice), `start_ms`, `end_ms` and `text`. A
        turn begins with its first sound and ends with its last sound. In conversations, turns may overlap.

    Raises
    ------
    SetupError
        If the files are missing from the installation.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> errors = sx.diarization_errors(sx.load_samples(), sx.io.read_sample_turns())
    >>> errors["status"].eq("scored").sum()
    228
    """
    return pd.read_csv(packaged_folder("voices", "turns.csv") / "turns.csv", dtype=_TURNS)


def samples_folder() -> Path:
    """Return the folder of the 17 recordings that the demo and the notebooks transcribe.

    In a copy of the repository it is ``data/samples``. An installed package has a folder of its own. Its list
    ``manifest.csv`` has the reference, the speaker and other facts of each recording, and can be passed to
    `sx.transcribe`. ``turns.csv`` has the speaker turns.

    Raises
    ------
    SetupError
        If the files are missing from the installation.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> samples = pd.read_csv(sx.io.samples_folder() / "manifest.csv")
    >>> len(samples), samples["source"][0]
    (17, 'garden_centre_call.ogg')
    """
    return packaged_folder("samples", "manifest.csv")
