"""``local_service()``: start, stop and environment, also in a separate process."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import psutil
import pytest
from waiting import PATIENCE_S, until

import soniox_ds.emulator.local as local
from soniox_ds.emulator import LocalServiceError, local_service
from soniox_ds.emulator.__main__ import serve
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer

NAMES = ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL")


def environment():
    return {name: os.environ.get(name) for name in NAMES}


@pytest.fixture(autouse=True)
def other_environment(monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", "the-users-own")
    monkeypatch.delenv("SONIOX_API_BASE_URL", raising=False)
    monkeypatch.setenv("SONIOX_WS_URL", "")


def test_the_environment_points_at_it_and_is_put_back():
    before = environment()
    with local_service("scripted") as service:
        assert environment() == {
            "SONIOX_API_KEY": service.key,
            "SONIOX_API_BASE_URL": service.base_url,
            "SONIOX_WS_URL": service.ws_url,
        }
        assert not service.base_url.endswith("/v1")
        with local_service("scripted") as inner:
            assert os.environ["SONIOX_API_KEY"] == inner.key
        assert os.environ["SONIOX_API_KEY"] == service.key
    assert environment() == before


def test_the_environment_is_put_back_after_an_error():
    before = environment()
    with pytest.raises(KeyError), local_service("scripted"):
        raise KeyError
    assert environment() == before


def test_the_environment_may_be_left_alone():
    before = environment()
    with local_service("scripted", set_environment=False):
        assert environment() == before


def test_it_says_what_it_is_and_hides_its_key():
    with local_service("scripted", key="canary-key") as service:
        for text in (repr(service), service._repr_html_(), service.banner, repr(service.rules.keys)):
            assert "canary" not in text
        for text in (repr(service), service._repr_html_()):
            assert "LOCAL" in text
            assert "not Soniox transcripts" in text
        headers = {"Authorization": "Bearer canary-key"}
        httpx.get(f"{service.base_url}/v1/files", headers=headers, timeout=PATIENCE_S)
        assert service.requests[0].status == 200
        assert "canary" not in repr(service.requests)


def test_the_name_of_a_recognizer_is_text():
    class Recognizer(ScriptedRecognizer):
        name = "<script>'x'"

    with local_service(Recognizer()) as service:
        assert "recognizer: &lt;script&gt;&#39;x&#39;)" in service._repr_html_()


def test_it_listens_on_loopback_only():
    with local_service("scripted") as service:
        port = int(service.base_url.rsplit(":", 1)[1])
        assert service._server._runner.addresses == [("127.0.0.1", port)]
        own = {
            each.address for some in psutil.net_if_addrs().values() for each in some if each.family == socket.AF_INET
        }
        for address in own - {"127.0.0.1"}:
            with pytest.raises(OSError, match=r"refused|unreachable"):
                socket.create_connection((address, port), timeout=PATIENCE_S).close()
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()


def test_started_once_it_is_found_again_and_replaced_by_other_settings():
    before = environment()
    first = local_service("scripted", seed=1).start()
    try:
        assert local_service("scripted", seed=1).start() is first
        assert first.start() is first
        second = local_service("scripted", seed=2).start()
        assert second is not first
        assert not first.running
        assert os.environ["SONIOX_API_BASE_URL"] == second.base_url
    finally:
        local.LocalService._started_once.stop()
    assert not second.running
    assert environment() == before
    second.stop()
    third = local_service("scripted", seed=2).start()
    assert third is not second
    third.stop()


def test_nothing_is_left_behind(tiny_wav, tmp_path):
    before = set(threading.enumerate())

    def new_threads():
        """Return the threads of the stand-in only, because those of earlier tests may end or begin meanwhile."""
        names = [thread.name for thread in set(threading.enumerate()) - before]
        return [name for name in names if name.startswith(("soniox-ds-local-", "soniox-local-", "asyncio_"))]

    with local_service("scripted") as service:
        folder = service._server._store.folder
        port = int(service.base_url.rsplit(":", 1)[1])
        headers = {"Authorization": f"Bearer {service.key}"}
        service.faults.next("stuck")
        with httpx.Client(base_url=service.base_url, headers=headers, verify=False, timeout=PATIENCE_S) as http:
            audio = tiny_wav(tmp_path / "a.wav").read_bytes()
            file = http.post("/v1/files", files={"file": ("a.wav", audio)}).json()
            http.post("/v1/transcriptions", json={"model": "stt-async-v4", "file_id": file["id"]})
            until(lambda: service.transcriptions[0]["status"] == "processing")
        assert os.listdir(folder)
        assert {name.split("_")[0] for name in new_threads()} >= {"soniox-ds-local-service", "soniox-local-job"}
    assert new_threads() == []
    assert not os.path.exists(folder)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    # What happened can still be looked at.
    assert len(service.requests) == 2
    assert len(service.transcriptions) == 1
    with pytest.raises(LocalServiceError, match="is not running"):
        _ = service.base_url


async def test_it_works_inside_a_running_loop():
    with local_service("scripted") as service:
        headers = {"Authorization": f"Bearer {service.key}"}
        async with httpx.AsyncClient(headers=headers, verify=False, timeout=PATIENCE_S) as http:
            answers = await asyncio.gather(*(http.get(f"{service.base_url}/v1/models") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"recognizer": "psychic"}, ValueError, "unknown recognizer 'psychic'"),
        ({"recognizer": "scripted", "speed": 0}, ValueError, "above 0"),
        ({"recognizer": "scripted", "key": "a b"}, ValueError, "printable ASCII"),
        ({"recognizer": "scripted", "scripts": "/nowhere"}, ValueError, "neither a folder nor"),
        ({"recognizer": "scripted", "faults": "storm=1"}, ValueError, "unknown fault"),
        ({"recognizer": "scripted", "moon": 1}, TypeError, "moon"),
    ],
)
def test_wrong_settings(options, error, complaint):
    before = environment()
    with pytest.raises(error, match=complaint), local_service(**options):
        pass
    assert environment() == before


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(LocalServiceError, match=f"cannot listen on 127.0.0.1:{port}"),
            local_service("scripted", port=port),
        ):
            pass


def test_two_entries_at_once_are_refused():
    with local_service("scripted") as service, pytest.raises(LocalServiceError, match="is already running"):
        service.__enter__()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in [name for name in sys.modules if name.startswith("soniox_ds.emulator.") and name != local.__name__]:
        monkeypatch.delitem(sys.modules, name)
    with (
        pytest.raises(LocalServiceError, match=r'aiohttp.*pip install "soniox_ds\[local\]"'),
        local_service("scripted"),
    ):
        pass


# as a process of its own


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_prints_three_exports_and_stops_when_told(number, tmp_path):
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "soniox_ds.emulator", "--port", "0", "--recognizer", "scripted"]
    command += ["--scripts", str(tmp_path), "--faults", "server_error@files=1x", "--requests-per-minute", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        banner, *exports = [process.stdout.readline().strip() for _ in range(4)]
        assert banner.startswith("# LOCAL stand-in")
        found = dict(line.removeprefix("export ").split("=", 1) for line in exports)
        assert tuple(found) == NAMES
        url = f"{found['SONIOX_API_BASE_URL']}/v1/files"
        headers = {"Authorization": f"Bearer {found['SONIOX_API_KEY']}"}
        assert [httpx.get(url, headers=headers, timeout=PATIENCE_S).status_code for _ in range(2)] == [500, 200]
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--faults", "storm=1"], "unknown fault 'storm'"),
        (["--speed", "0"], "not above 0"),
        (["--recognizer", "x"], "x"),
    ],
)
def test_wrong_arguments(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as left:
        serve(arguments)
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_taken_port_ends_the_command(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert serve(["--recognizer", "scripted", "--port", str(taken.getsockname()[1])]) == 1
    assert "choose another port" in capsys.readouterr().err
