"""A real JupyterLab on loopback, on its own in everything: configuration, settings, kernels, home."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE_S = 90  # for what takes a few seconds on an idle machine
INSECURE_HOST = "lab.test"  # loopback under a name that browsers do not take for a secure context

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": False, "theme": "JupyterLab Light"},
}


IMPORTABLE = {"PYTHONPATH": os.pathsep.join(map(str, [HERE, ROOT]))}


class JupyterLab:
    """A running server: `url`, `token`, `root` (the folder it serves).

    Its kernels are forked from a process of `forked_kernels.py`, except where that is not possible (outside Linux).
    """

    def __init__(self, folder: Path):
        self.root = folder / "notebooks"
        self.token = secrets.token_hex(16)
        self._data = folder / "data"
        self._log = folder / "lab.log"
        self.root.mkdir()
        for name, values in SETTINGS.items():
            extension, setting = name.split("/")
            file = folder / "settings" / "@jupyterlab" / extension / f"{setting}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SONIOX_", "JUPYTER", "PYTEST_"))
        }
        environment |= {
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "home" / "cache"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(self._data),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"),
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.local_hostnames=['localhost','{INSECURE_HOST}']",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
            # Otherwise every page that loads Lab lets Node check if Lab must be rebuilt.
            "--ServerApp.tornado_settings={'page_config_data': {'buildAvailable': False, 'buildCheck': False}}",
        ]
        with self._log.open("w") as log:
            given = {"stdout": log, "stderr": log, "start_new_session": True}
            self._process = subprocess.Popen(command, env=environment, **given)
            self._kernel_server = None
            self._kernel_command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            if hasattr(os, "pidfd_open"):
                forking = [str(HERE / "forked_kernels.py"), str(folder / "kernels")]
                self._kernel_server = subprocess.Popen(
                    [sys.executable, *forking], env=environment | IMPORTABLE, **given
                )
                self._kernel_command = [sys.executable, "-I", "-S", *forking, "{connection_file}"]
        try:
            self.url = self._wait_until_it_serves(folder / "runtime")
        except BaseException:
            self.close()
            raise

    def write_kernelspec(self, environment: dict[str, str]) -> str:
        """Install this Python as a kernel with a separate environment and cache, and return the kernel's name."""
        name = f"soniox-ds-{secrets.token_hex(4)}"
        own = IMPORTABLE | {"XDG_CACHE_HOME": str(self._data / "caches" / name)}
        spec = {"argv": self._kernel_command, "display_name": name, "language": "python", "env": own | environment}
        folder = self._data / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))
        return name

    def trust(self, notebook) -> None:
        """Sign a notebook as this server signs what it has saved."""
        from nbformat.sign import NotebookNotary

        NotebookNotary(data_dir=str(self._data)).sign(notebook)

    def end_kernels(self) -> None:
        """End every kernel of this server."""
        for session in self._ask("sessions"):
            self._ask(f"sessions/{session['id']}", method="DELETE")

    def close(self) -> None:
        """End the server, and with it its kernels."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._kernel_server:
            self._kernel_server.kill()
            self._kernel_server.wait()

    def _wait_until_it_serves(self, runtime: Path) -> str:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended with {self._process.returncode}: {self._log.read_text()[-3000:]}")
            files = list(runtime.glob("jpserver-*.json"))
            if files:
                try:
                    self.url = f"http://127.0.0.1:{json.loads(files[0].read_text())['port']}"
                    self._ask("status")
                    if not self._kernel_server or (runtime.parent / "kernels").exists():
                        return self.url
                except (json.JSONDecodeError, urllib.error.URLError):
                    pass  # half written, or not listening yet
            time.sleep(0.05)
        raise TimeoutError(f"JupyterLab did not answer within {PATIENCE_S} s: {self._log.read_text()[-3000:]}")

    def _ask(self, path: str, method: str = "GET"):
        request = urllib.request.Request(
            f"{self.url}/api/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read() or "null")
