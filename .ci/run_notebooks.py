"""Run the notebooks without the repository: run_notebooks.py WHEEL NOTEBOOK ...

The notebooks and the wheel lie in a new folder. The kernel has a new environment with nothing but a kernel, so that the
first cell of each notebook must install what is missing. Needs nbclient and nbformat.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main(wheel: Path, notebooks: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "ipykernel"], check=True)
        subprocess.run(
            [python, "-m", "ipykernel", "install", "--name", "clean", "--prefix", folder / "kernels"], check=True
        )
        os.environ["JUPYTER_PATH"] = str(folder / "kernels" / "share" / "jupyter")
        pip_cache = subprocess.run([python, "-m", "pip", "cache", "dir"], **CAPTURED).stdout.strip()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SONIOX_", "PYTHON"))}
        environment |= {"PIP_CACHE_DIR": pip_cache, "XDG_CACHE_HOME": str(folder / "cache")}
        work = folder / "work"
        work.mkdir()
        shutil.copy(wheel, work)
        in_folder = {"resources": {"metadata": {"path": str(work)}}}
        for path in notebooks:
            shutil.copy(path, work)
            notebook = nbformat.read(work / path.name, as_version=4)
            client = NotebookClient(notebook, timeout=900, startup_timeout=300, kernel_name="clean", **in_folder)
            client.execute(env=environment)
            n_outputs = sum(len(cell.get("outputs", [])) for cell in notebook.cells)
            print(f"{path.name}: all cells ran, {n_outputs} outputs", flush=True)
        shown = subprocess.run([python, "-c", "import soniox_ds; print(soniox_ds.__file__)"], cwd=work, **CAPTURED)
        assert str(folder) in shown.stdout, shown.stdout


CAPTURED = {"check": True, "capture_output": True, "text": True}

if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
