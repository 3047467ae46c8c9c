"""Recordings that may be sent to one region only: no byte of them reaches the host of another region."""

import contextlib
import socket
import threading

import pandas as pd
import pytest
from batches import batch, leftovers, settings_for, stand_in, transcribe, wav

import soniox_ds as sx
from soniox_ds import aio, exceptions

EU_KEY, US_KEY = "key-of-the-eu", "key-of-the-us"


class Tap:
    """A relay in front of a service that keeps every byte that is sent to it."""

    def __init__(self, port):
        self.port_behind = port
        self.received = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):  # The listener is closed at the end.
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.port_behind)) as behind:
            answers = threading.Thread(target=self._relay, args=(behind, client, None))
            answers.start()
            self._relay(client, behind, self.received)
            answers.join()

    @staticmethod
    def _relay(source, target, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if kept is not None:
                    kept += data
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # This ends the wait for a connection.
        self._listener.close()


@pytest.fixture
def eu():
    with stand_in(key=EU_KEY) as service:
        yield service


@pytest.fixture
def us():
    with stand_in(key=US_KEY) as service:
        yield service


@pytest.fixture
def taps(eu, us):
    taps = {"eu": Tap(int(eu.base_url.rpartition(":")[2])), "us": Tap(int(us.base_url.rpartition(":")[2]))}
    yield taps
    for tap in taps.values():
        tap.close()


@pytest.fixture
def connections(taps):
    return [
        sx.Connection(EU_KEY, region="eu", api_base_url=taps["eu"].url),
        sx.Connection(US_KEY, region="us", api_base_url=taps["us"].url),
    ]


def sources(folder, count=12):
    """Return a manifest whose rows alternate between the regions; the first row of each region is a URL."""
    rows = []
    for number in range(count):
        region = ("eu", "us")[number % 2]
        path = folder / f"{region}-{number:02}.wav"
        path.write_bytes(wav(number))
        rows.append({"source": str(path), "audio_id": path.stem, "region": region.upper() if number < 6 else region})
    rows[:2] = [
        {"source": f"http://127.0.0.1:1/{region}-call.wav", "audio_id": f"{region}-url", "region": region}
        for region in ("eu", "us")
    ]
    return pd.DataFrame(rows)


def assert_apart(table, taps):
    """No name, address, reference or sample of a row of one region was sent to the host of the other."""
    for region, other in (("eu", "us"), ("us", "eu")):
        received = bytes(taps[other].received)
        assert received
        for row in table[table["region"].str.lower() == region].itertuples():
            assert row.audio_id.encode() not in received
            assert f"{region}-call".encode() not in received
            if not row.source.startswith("http"):
                with open(row.source, "rb") as file:
                    assert file.read()[44:108] not in received
        assert {"eu": EU_KEY, "us": US_KEY}[region].encode() not in received


async def test_no_byte_of_a_region_reaches_another_host(eu, us, taps, connections, tmp_path):
    table = sources(tmp_path)
    with pytest.warns(exceptions.RecordingsFailedWarning, match="file_download_error"):  # Nothing serves the URLs.
        corpus = await transcribe(table, eu, tmp_path, connection=connections)
    assert_apart(table, taps)
    assert corpus.recordings["audio_id"].tolist() == table["audio_id"].tolist(), "in the order of the sources"
    assert corpus.recordings["region"].tolist() == table["region"].tolist()
    assert len(corpus.completed) == 10
    assert corpus.tokens["audio_id"].drop_duplicates().tolist() == [
        name for name in table["audio_id"] if not name.endswith("url")
    ]
    assert eu.created.total == us.created.total == 6
    uploads = [sum(request.route == "upload" for request in service.requests) for service in (eu, us)]
    assert uploads == [5, 5]
    assert leftovers(eu) == leftovers(us) == []
    # The journal serves the rows of both regions again.
    n_requests = len(eu.requests), len(us.requests)
    again = await transcribe(table[2:], eu, tmp_path, connection=connections)
    assert len(again.completed) == 10
    assert (len(eu.requests), len(us.requests)) == n_requests


async def test_a_region_whose_keys_are_refused_fails_alone(eu, us, taps, connections, tmp_path):
    """Its recordings do not move to another region."""
    table = sources(tmp_path)[2:]
    eu.call(lambda rules: rules.keys.remove(EU_KEY))
    with pytest.warns(exceptions.RecordingsFailedWarning, match="unauthenticated"):
        corpus = await transcribe(table, us, tmp_path, connection=connections)
    assert_apart(table, taps)
    by_region = corpus.recordings.groupby(corpus.recordings["region"].str.lower())["error_type"].unique()
    assert by_region["eu"].tolist() == ["unauthenticated"]
    assert by_region["us"].isna().all()
    assert us.created.total == 5
    assert eu.created.total == 0


def refused(table, connections, message, tmp_path, **settings):
    for call in (sx.transcribe, sx.plan):
        more = {} if call is sx.plan else settings
        if settings and call is sx.plan:
            continue
        with pytest.raises(exceptions.OptionsError, match=message):
            call(table, connection=connections, journal=tmp_path / "journal.sqlite", progress=False, **more)


def test_what_is_refused_before_anything_is_sent(eu, us, connections, tmp_path):
    table = sources(tmp_path)[2:]
    refused(batch(2), connections, r"lead to several regions \(eu, us\).*column region", tmp_path)
    refused(table.drop(columns="region"), connections, "column region", tmp_path)
    table.loc[3, "region"] = "jp"
    refused(
        table,
        connections,
        r"'region' names 'jp' for 1 recording \('us-03'\), but the connections lead to eu, us",
        tmp_path,
    )
    table.loc[3, "region"] = None
    refused(table, connections, r"names no region for 1 recording \('us-03'\)", tmp_path)
    table.loc[3, "region"] = "us"
    refused(table, connections[:1], r"names 'us' for 5 recordings \('us-03', 'us-05', 'us-07', \.\.\.\)", tmp_path)
    refused(table, connections, "out= holds the recordings of one region", tmp_path, out=tmp_path / "corpus")
    assert not eu.requests
    assert not us.requests


async def test_a_single_connection_leaves_a_column_region_alone(eu, tmp_path):
    """It may be a dialect."""
    table = sources(tmp_path, 6)[2:].assign(region="north")
    corpus = await transcribe(table, eu, tmp_path)
    assert corpus.recordings["region"].tolist() == ["north"] * 4


def test_a_plan_of_several_regions_keeps_the_order(eu, connections, tmp_path):
    table = sources(tmp_path)[2:]
    plan = sx.plan(table, connection=connections, journal=tmp_path / "journal.sqlite", progress=False)
    assert plan.recordings["audio_id"].tolist() == table["audio_id"].tolist()
    assert plan.counts["transcribe"] == 10
    assert not eu.requests


async def test_a_comparison_keeps_the_regions_apart(eu, us, taps, connections, tmp_path):
    table = sources(tmp_path, 8)[2:]
    settings = settings_for(eu, tmp_path, connection=connections)
    trial = await aio.compare(
        table,
        dict.fromkeys(table["audio_id"], "hello"),
        arms={"plain": {}, "hints": {"language_hints": ["en"]}},
        **settings,
    )
    assert_apart(table, taps)
    assert trial.summary["recordings"].tolist() == [6, 6]
    assert eu.created.total == us.created.total == 6
