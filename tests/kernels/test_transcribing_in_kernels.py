"""``sx.transcribe`` itself in real kernels, against the stand-in service in the test's own process."""

import os
import wave

import pytest
from waiting import until

from soniox_ds import local_service


@pytest.fixture
def recordings(tmp_path):
    """A folder of four recordings, each a second long and different from the others."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(4):
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes([number, 0]) * 8000)
    return folder


def point_at(service, kernel):
    """Set the service's address in a separate cell, because a traceback shows the cell that failed."""
    kernel.succeed(
        "import soniox_ds as sx\n"
        f"connection = sx.Connection(api_key={service.key!r}, api_base_url={service.base_url!r})"
    )


def cell(recordings):
    """Code that transcribes them; the journal is beside the folder."""
    return (
        f"corpus = sx.transcribe({str(recordings)!r}, journal={str(recordings.parent / 'journal.sqlite')!r},\n"
        "    connection=connection)\n"
        "print(len(corpus.recordings), set(corpus.recordings['status']))"
    )


def test_progress_shows_in_the_cell_that_called(kernel, recordings):
    with local_service("scripted", speed=100, set_environment=False) as service:
        point_at(service, kernel)
        outcome = kernel.succeed(cell(recordings))
    assert outcome.printed == "4 {'completed'}"
    [shown] = outcome.contents("display_data")
    *_, last = outcome.contents("update_display_data")
    assert last["transient"]["display_id"] == shown["transient"]["display_id"]
    assert last["data"]["text/plain"].startswith("4 of 4 done, 4.0 s of audio")


def test_an_interrupt_leaves_nothing_going_on(kernel, recordings):
    """The service keeps every job in its queue for an hour."""
    with local_service("scripted", queue_s=3600, set_environment=False) as service:
        point_at(service, kernel)
        cell_id = kernel.start(cell(recordings))
        until(lambda: len(service.transcriptions) == 4)
        kernel.interrupt()
        outcome = kernel.outcome(cell_id)
        assert (outcome.status, outcome.error) == ("error", "KeyboardInterrupt")
        assert kernel.succeed("print(tasks_left())").printed == "0"
        asked = len(service.requests)
        stopped = outcome.contents("display_data", "update_display_data")[-1]
        assert stopped["data"]["text/plain"].startswith("stopped with 0 of 4 done")
        assert service.key not in repr(outcome.messages)
        kernel.succeed("_background.run(asyncio.sleep(0))")
        assert len(service.requests) == asked


def test_an_interrupted_stream_says_in_the_cell_where_its_words_are(kernel):
    with local_service("scripted", set_environment=False) as service:
        kernel.succeed(f"import os\nimport soniox_ds as sx\nos.environ.update({service.environment!r})")
        cell_id = kernel.start(f"sx.stream({os.path.abspath('data/samples/onion_soup.mp3')!r})")
        until(lambda: service.open_streams)
        kernel.interrupt()
        outcome = kernel.outcome(cell_id)
        assert outcome.error == "KeyboardInterrupt"
        (shown,) = outcome.contents("error")
        assert "soniox_ds.last_interrupted() returns them" in "\n".join(shown["traceback"])
        assert kernel.succeed("print(sx.last_interrupted().recordings['status'][0])").printed == "failed"
        until(lambda: not service.open_streams)
