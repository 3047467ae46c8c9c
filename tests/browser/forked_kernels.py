"""Kernels for tests, forked from a server that has already imported the modules that the notebooks need.

Starting a kernel and importing the package takes more than a second of processor time, which is as long as many of the
tests. This script has two roles. With the path of a socket as its only argument, it is the server. With a connection
file as the second argument, it is the process that JupyterLab starts as a kernel: it asks the server for a real kernel,
passes signals on to it, and ends when the kernel ends. If this process is killed, the server kills the kernel.
"""

import os
import select
import signal
import socket
import sys

# Modules that notebooks of the tests import, directly or through the package.
MODULES = (
    "anywidget",
    "anyio._backends._asyncio",
    "httpcore",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "jinja2",
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "soniox_ds.review_queue.flagging",
    "soniox_ds.widgets.captions.live_captions",
    "soniox_ds.widgets.microphone.microphone",
    "soniox_ds.widgets.review.queue",
    "websockets",
)
LONGEST_REQUEST = 1_000_000


def serve(path: str) -> None:
    """Start a kernel for each connection to the socket at this path."""
    import gc
    import importlib

    import ipykernel.kernelapp  # noqa: F401

    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # so that kernels do not copy the pages of all modules when they look for garbage
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The exit statuses of watchers are not needed.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # Clients that find the socket can connect.
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    watch(connection)


def watch(connection: socket.socket) -> None:
    """Start a kernel, and report its process id and exit status. If the process that asked for it ends, kill the
    kernel."""
    import json

    request, handles, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 2)
    pid = os.fork()
    if pid == 0:
        connection.close()
        become_kernel(json.loads(request), handles)
        return
    connection.send(f"{pid}\n".encode())
    ready, _, _ = select.select([connection, os.pidfd_open(pid)], [], [])
    if connection in ready:  # The process that asked for the kernel was killed.
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if connection not in ready:
        connection.send(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become_kernel(request: dict, handles: list[int]) -> None:
    """Turn this process into a kernel with the requested environment and folder, and with these output files."""
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    for number, handle in zip((1, 2), handles, strict=True):
        os.dup2(handle, number)
        os.close(handle)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["ipykernel_launcher.py", "-f", request["connection_file"]]
    launch_new_instance()


def stand_for_kernel(path: str, connection_file: str) -> None:
    """Ask the server for a kernel, and end with the exit status of the kernel when it ends."""
    import json

    # Without this variable, the kernel does not end when it finds that its parent is another process.
    environment = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
    request = {"folder": os.getcwd(), "environment": environment, "connection_file": connection_file}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(request).encode()], [1, 2])
        answers = connection.makefile()
        pid = int(answers.readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(pid, number))
        status = int(answers.readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    else:
        stand_for_kernel(*sys.argv[1:])
