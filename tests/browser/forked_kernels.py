"""Kernels that are forked from a process in which everything is imported that notebooks of the tests import.

To start a kernel and to import the package takes the processor more than a second, as long as many a test with it. As a
program with the path of a socket this is the server. With the name of a connection file in addition it is what Lab
takes for the kernel: it asks the server for one, passes signals on to it, and ends with it, as it ends with this.
"""

import os
import select
import signal
import socket
import sys

# Notebooks of the tests import them, directly or through the package.
MODULES = ("anywidget", "IPython", "numpy", "pandas", "pyarrow.parquet", "soniox_ds.widgets.microphone", "websockets")
LONGEST_REQUEST = 1_000_000


def serve(path: str) -> None:
    """Start a kernel for each connection to the socket at this path."""
    import gc
    import importlib

    import ipykernel.kernelapp  # noqa: F401

    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # so that kernels do not copy the pages of all modules when they look for garbage
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how watchers have ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # who finds it can connect
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    watch(connection)


def watch(connection: socket.socket) -> None:
    """Start a kernel and wait for its end or for that of the process that has asked for it."""
    import json

    request, handles, _, _ = socket.recv_fds(connection, LONGEST_REQUEST, 2)
    pid = os.fork()
    if pid == 0:
        connection.close()
        become_kernel(json.loads(request), handles)
        return
    connection.send(f"{pid}\n".encode())
    ready, _, _ = select.select([connection, os.pidfd_open(pid)], [], [])
    if connection in ready:  # it was killed
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if connection not in ready:
        connection.send(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become_kernel(request: dict, handles: list[int]) -> None:
    """Run a kernel with this environment, folder and output."""
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
    """Ask the server for a kernel, and live as long as it does."""
    import json

    # A kernel with a known parent ends when it finds that another process is its parent.
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
