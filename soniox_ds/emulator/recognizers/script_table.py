"""Tables of scripts, from Python, JSON, CSV or sidecar files.

Conventions: a script belongs to a recording by the name of its file (without folders) or by the sha256 of its bytes in
hexadecimal. It is a text, or a list of turns with ``text`` and optionally ``speaker``, ``language``, ``start_ms``,
``end_ms`` and ``translations`` (texts by language).
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["Script", "ScriptTable", "Turn", "turns_of"]

Script = str | Sequence[Mapping[str, Any]]
"""A text, or a list of turns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """An uninterrupted stretch of speech by one speaker."""

    text: str
    speaker: str | None = None
    language: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    translations: Mapping[str, str] | None = None
    """Translations of the text by language. Translations into other languages are made up."""

    def translated_words(self, part: int, parts: int) -> dict[str, list[str]]:
        """Return a part of the words of each translation, where the translation is divided into equal parts.

        >>> Turn(text="How are you?", translations={"de": "Wie geht es Ihnen?"}).translated_words(2, 3)
        {'de': ['es', 'Ihnen?']}
        """
        words = {language: text.split() for language, text in (self.translations or {}).items()}
        return {name: of[len(of) * part // parts : len(of) * (part + 1) // parts] for name, of in words.items()}


def turns_of(script: Script) -> list[Turn]:
    """Return the turns of a script.

    >>> turns_of("hello")
    [Turn(text='hello', speaker=None, language=None, start_ms=None, end_ms=None, translations=None)]
    """
    if isinstance(script, str):
        return [Turn(text=script)]
    turns = []
    for row in script:
        text = row.get("text")
        if not isinstance(text, str):
            raise ValueError(f"a turn of a script needs a text; found {dict(row)!r}")
        speaker, language, start_ms, end_ms = (
            None if row.get(name) == "" else row.get(name) for name in ("speaker", "language", "start_ms", "end_ms")
        )
        translations = row.get("translations") or None
        if translations and not (
            isinstance(translations, Mapping) and all(isinstance(value, str) for value in translations.values())
        ):
            raise ValueError(f"the translations of a turn are texts by language; found {translations!r}")
        turns.append(
            Turn(
                text=text,
                speaker=None if speaker is None else str(speaker),
                language=None if language is None else str(language),
                start_ms=None if start_ms is None else int(start_ms),
                end_ms=None if end_ms is None else int(end_ms),
                translations=translations,
            )
        )
    return turns


class ScriptTable:
    """A table of scripts by recording.

    `scripts` is a mapping, a ``.json`` file (an object of the same form), a ``.csv`` file (columns ``filename`` or
    ``sha256``, ``text``, and the optional ones of a turn; rows of one recording are its turns in order), or a folder
    with a ``<stem>.txt`` or ``<stem>.json`` (a list of turns) for each recording, read when it is needed.
    """

    def __init__(self, scripts: Mapping[str, Script] | str | os.PathLike[str] | None = None) -> None:
        self._folder: Path | None = None
        self._table: dict[str, list[Turn]] = {}
        if scripts is None:
            return
        if isinstance(scripts, Mapping):
            self._table = {_key(name): turns_of(script) for name, script in scripts.items()}
            return
        path = Path(scripts)
        if path.is_dir():
            self._folder = path
        elif path.suffix == ".json":
            table = json.loads(path.read_text(encoding="utf-8"))
            self._table = {_key(name): turns_of(script) for name, script in table.items()}
        elif path.suffix == ".csv":
            self._table = _read_csv(path)
        else:
            raise ValueError(f"scripts {path} is neither a folder nor a .json or .csv file")

    def find(self, filename: str, sha256: str) -> list[Turn] | None:
        """Return the turns of a recording; None if it is not in the table."""
        for key in (sha256, _key(filename)):
            if key in self._table:
                return self._table[key]
        if self._folder is not None:
            stem = PurePosixPath(_key(filename)).stem
            if (text := self._folder / f"{stem}.txt").is_file():
                return turns_of(" ".join(text.read_text(encoding="utf-8").split()))
            if (turns := self._folder / f"{stem}.json").is_file():
                return turns_of(json.loads(turns.read_text(encoding="utf-8")))
        return None


def _key(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _read_csv(path: Path) -> dict[str, list[Turn]]:
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            name = row.get("sha256") or row.get("filename")
            if not name:
                raise ValueError(f"{path}: every row needs a filename or a sha256; found {row}")
            rows.setdefault(_key(name), []).append(row)
    return {name: turns_of(turns) for name, turns in rows.items()}
