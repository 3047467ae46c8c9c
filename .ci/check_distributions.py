"""Check the files of a release: check_distributions.py FOLDER, which contains one sdist and one wheel.

Both contain all of the package and nothing that was only made on the way. They, CITATION.cff and the changelog name
the version of the package.
"""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_BYTES = 12_000_000
SAMPLES = {"soniox_ds/_samples/manifest.csv", "soniox_ds/_voices/README.md"}
BESIDE_THE_PACKAGE = {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "SECURITY.md"}
FOLDERS = {"tests", "docs", "notebooks", "data"}
MADE_ON_THE_WAY = re.compile(
    r"(^|/)(\.venvs?|__pycache__|_build|\.git|\.ipynb_checkpoints|demo-output)(/|$)|\.pyc$|\.sqlite$"
)


def problems_of(wheel: Path, sdist: Path) -> list[str]:
    """Return what is wrong with a wheel and an sdist."""
    text = (ROOT / "soniox_ds" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {member.name.partition("/")[2] for member in archive}
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "soniox_ds").rglob("*") if path.is_file()}
    package = {name for name in package if not MADE_ON_THE_WAY.search(name)}
    outside = {name for name in in_wheel if not re.match(r"soniox_ds(-[^/]+\.dist-info)?/", name)}
    made = {name for name in in_wheel | in_sdist if MADE_ON_THE_WAY.search(name)}
    return [
        *(f"{path.name} is not of version {version}" for path in (wheel, sdist) if f"-{version}" not in path.name),
        *(f"{path.name} is too large" for path in (wheel, sdist) if path.stat().st_size > MOST_BYTES),
        *(f"the wheel lacks {name}" for name in sorted((package | SAMPLES) - in_wheel)),
        *(f"the sdist lacks {name}" for name in sorted((package | BESIDE_THE_PACKAGE) - in_sdist)),
        *(f"the sdist lacks {name}/" for name in sorted(FOLDERS - {name.partition("/")[0] for name in in_sdist})),
        *(f"the wheel contains {name}" for name in sorted(outside)),
        *(f"a distribution contains {name}" for name in sorted(made)),
        *(
            f"{name} does not name version {version}"
            for name, line in (("CITATION.cff", f"version: {version}\n"), ("docs/changelog.md", version))
            if line not in (ROOT / name).read_text(encoding="utf-8")
        ),
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    sys.exit("\n".join(problems_of(wheel, sdist)) or None)
