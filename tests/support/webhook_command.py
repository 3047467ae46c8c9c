"""``soniox-ds webhooks`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from waiting import PATIENCE_S

from soniox_ds.batch.webhook_receiver import HEADER_VALUE

__all__ = ["WebhookCommand"]


class WebhookCommand:
    """The command that receives webhooks for the journal at `path`, started and ready."""

    def __init__(self, path: Path, secret: str, port: int = 0) -> None:
        environment = {**os.environ, HEADER_VALUE: secret, "PYTHONPATH": ":".join(sys.path)}
        program = "import sys; from soniox_ds.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "webhooks", "--port", str(port), "--journal", str(path)]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.banner = self.process.stdout.readline() + self.process.stdout.readline()
        self.url = self.banner.split()[3]
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal and wait for the end. Return the exit status and what was printed and logged."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, self.banner + output, errors
