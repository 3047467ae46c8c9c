"""The journal by itself: what is written together, who may work on what, and files that are not what they should be."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest
from waiting import PATIENCE_S

from soniox_ds.batch.journal import Entry, Inspection, Journal, State, UnansweredRequest
from soniox_ds.exceptions import JournalError


def entry(key, generation=1, state=State.UPLOADING, **fields):
    given = {"reference": f"sxds:{key}:{generation}", "service": "local", "source": key, "model": "m"}
    return Entry(key, generation, state=state, options_hash="0", **{**given, **fields})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    opened = Journal.open(path)
    yield opened
    opened.close()


# -- entries -----------------------------------------------------------------------------------------------------------


async def test_the_newest_attempt_counts_and_the_finished_one_is_known(journal):
    await journal.put(entry("a", 1, State.DONE), entry("a", 2, State.FAILED), entry("b", 1, State.CREATED))
    known = await journal.known(["a", "b", "c"])
    assert set(known) == {"a", "b"}
    assert (known["a"].newest.generation, known["a"].finished.generation) == (2, 1)
    assert known["b"].finished is None


async def test_an_entry_comes_back_as_it_was_written(journal):
    full = entry(
        "a",
        state=State.DONE,
        file_id="f",
        file_gone=1,
        transcription_id="t",
        transcription_gone=1,
        duration_ms=5,
        submitted_at="2026-01-01T00:00:00Z",
        completed_at="2026-01-01T00:00:01+00:00",
        error_type="e",
        error_message="words",
        changed_at=1.5,
    )
    await journal.put(full)
    assert (await journal.known(["a"]))["a"].newest == full


async def test_thousands_of_keys_in_one_question(journal):
    await journal.put(*(entry(f"k{number}") for number in range(1200)))
    assert len(await journal.known([f"k{number}" for number in range(1500)])) == 1200


async def test_a_transcript_is_written_with_its_entry(journal):
    raw = '{"text": "é 日本 😀", "tokens": []}'.encode()
    await journal.store(entry("a", state=State.DONE), raw)
    assert await journal.transcripts(["a", "b"]) == {"a": raw}
    assert (await journal.known(["a"]))["a"].finished is not None


async def test_states_that_may_be_left_on_the_server(journal):
    await journal.put(
        entry("file", file_id="f", state=State.DONE),
        entry("file gone", file_id="f", file_gone=1, state=State.DONE),
        entry("job", transcription_id="t", state=State.DONE),
        entry("job gone", transcription_id="t", transcription_gone=1, state=State.DONE),
        entry("unanswered upload", state=State.UPLOADING),
        entry("unanswered create", state=State.CREATING),
        entry("nothing", state=State.FAILED),
        entry("elsewhere", service="api.soniox.com", file_id="f", state=State.DONE),
    )
    assert {left.job_key for left in await journal.remains("local")} == {
        "file",
        "job",
        "unanswered upload",
        "unanswered create",
    }


async def test_files_that_have_not_changed(journal):
    found = Inspection("a" * 64, 1000, "a.wav", ("truncated_file", "odd"), 2, 16_000)
    await journal.remember({"/a.wav": ((10, 20), found)})
    assert await journal.inspections({"/a.wav": (10, 20), "/b.wav": (1, 1)}) == {"/a.wav": found}
    assert await journal.inspections({"/a.wav": (10, 21)}) == {}


@pytest.mark.parametrize("name", ["with space.wav", "quo'te\"s.wav", "😀.wav", "x" * 300, "caf\\xe9", "a\nb", ""])
async def test_odd_names(name, journal):
    await journal.put(entry(name, source=name, error_message=name))
    assert (await journal.known([name]))[name].newest.source == name
    await journal.remember({name: ((1, 2), Inspection("s" * 64, None, name, (), 1, 16_000))})
    assert (await journal.inspections({name: (1, 2)}))[name].filename == name


async def test_a_value_that_cannot_be_written_hurts_nobody_else(journal):
    """Half of a surrogate pair is no text; what is committed together with it is written all the same."""
    results = await asyncio.gather(
        *(journal.put(entry(f"k{number}")) for number in range(20)),
        journal.put(entry("bad", source="\udce9")),
        *(journal.put(entry(f"l{number}")) for number in range(20)),
        return_exceptions=True,
    )
    assert [type(result) for result in results if result is not None] == [UnicodeEncodeError]
    assert len(await journal.known([f"{letter}{number}" for letter in "kl" for number in range(20)])) == 40


async def test_waiting_writes_are_committed_together(journal):
    commits = []
    await journal.known(["a"])
    journal._writer._db.set_trace_callback(lambda statement: commits.append(statement) if "COMMIT" in statement else 0)
    await asyncio.gather(*(journal.put(entry(f"k{number}")) for number in range(300)))
    assert len(commits) < 100


async def test_a_write_is_done_although_its_caller_is_cancelled(journal):
    async def write():
        await journal.put(entry("a"))

    task = asyncio.create_task(write())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert set(await journal.known(["a"])) == {"a"}


# -- claims ------------------------------------------------------------------------------------------------------------


async def test_a_claim_holds_against_other_runs_until_it_is_given_up(journal):
    one, other = journal.start_run(), journal.start_run()
    assert await journal.claim(["a", "b"], one) == set()
    assert await journal.claim(["a", "b"], one) == set()
    assert await journal.claim(["b", "c"], other) == {"b"}
    assert await journal.claimed_by_others(one) == {"c"}
    assert await journal.claimed_by_others(None) == {"a", "b", "c"}
    await journal.release("b", one)
    await journal.release("a", other)  # not its own
    assert await journal.claim(["a", "b"], other) == {"a"}
    await journal.end_run(one)
    assert await journal.claim(["a"], other) == set()
    await journal.end_run(other)
    assert await journal.claimed_by_others(None) == set()


async def test_lost_references_of_a_living_run_are_left_to_it(journal):
    one, other = journal.start_run(), journal.start_run()
    await journal.put(entry("a"), entry("b"))
    await journal.claim(["a"], one)
    for key in "abc":
        await journal.note_lost(UnansweredRequest(f"sxds:{key}:1", "file", 5.0), "local")
    assert {lost.reference for lost in await journal.lost("local", other)} == {"sxds:b:1", "sxds:c:1"}
    assert len(await journal.lost("local", one)) == 3
    await journal.forget_lost(["sxds:a:1", "sxds:c:1"])
    assert await journal.lost("local", one) == [UnansweredRequest("sxds:b:1", "file", 5.0)]
    assert await journal.lost("elsewhere", one) == []
    await journal.end_run(one)
    await journal.end_run(other)


HOLDER = """
import asyncio, sys
from soniox_ds.batch.journal import Journal, Entry
async def main():
    journal = Journal.open(sys.argv[1])
    run = journal.start_run()
    await journal.claim(["a"], run)
    await journal.put(Entry("a", 1, "r", "local", "creating", "a", "m", "0"))
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_run_holds_nothing(journal, path):
    command = [sys.executable, "-c", HOLDER, path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: ASYNC220 - nothing else waits here
    try:
        assert process.stdout.readline() == b"ready\n"
        run = journal.start_run()
        assert await journal.claim(["a"], run) == {"a"}
        assert await journal.claimed_by_others(run) == {"a"}
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert await journal.claimed_by_others(run) == set()
        assert await journal.claim(["a"], run) == set()
        assert (await journal.known(["a"]))["a"].newest.state == State.CREATING
        await journal.end_run(run)
    finally:
        process.kill()
        process.communicate()
    assert list(path.parent.glob("*.lock")) == []


# -- opening -----------------------------------------------------------------------------------------------------------


def test_the_same_path_is_the_same_journal(path, journal, tmp_path):
    (tmp_path / "link.sqlite").symlink_to(path)
    for other in (str(path), tmp_path / "link.sqlite"):
        same = Journal.open(other)
        assert same is journal
        same.close()


async def test_closed_and_opened_again(path, journal):
    await journal.put(entry("a"))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        await journal.put(entry("b"))
    again = Journal.open(path)
    assert again is not journal
    assert again.id == journal.id
    assert set(await again.known(["a", "b"])) == {"a"}
    again.close()


async def test_a_journal_that_was_deleted_is_begun_anew(path, journal):
    await journal.put(entry("a"))
    for part in path.parent.glob("journal.sqlite*"):
        part.unlink()
    anew = Journal.open(path)
    assert anew is not journal
    assert await anew.known(["a"]) == {}
    await anew.put(entry("b"))
    anew.close()
    assert path.exists()


def test_only_the_owner_may_read_it(path, journal):
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is a text and no database, but long enough for one" * 50, "not a database"),
        (b"SQLite format 3\0" * 100, "cannot be used"),
    ],
    ids=["text", "broken header"],
)
def test_a_file_that_is_no_database(content, message, path):
    path.write_bytes(content)
    with pytest.raises(JournalError, match=message):
        Journal.open(path)
    assert path.read_bytes() == content


async def test_a_database_that_is_damaged(path, journal):
    await asyncio.gather(*(journal.put(entry(f"k{number}", source="x" * 500)) for number in range(200)))
    journal.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 12288))
    with pytest.raises(JournalError, match=r"malformed|corrupt|cannot be used"):
        await Journal.open(path).known([f"k{number}" for number in range(200)])


def test_the_database_of_another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE invoices (total)")
    db.close()
    with pytest.raises(JournalError, match="another program"):
        Journal.open(path)


def test_a_journal_of_a_newer_version(path, journal):
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(JournalError, match=r"newer soniox_ds \(version 99"):
        Journal.open(path)


def test_a_folder_is_no_journal(tmp_path):
    with pytest.raises(JournalError, match="is a folder"):
        Journal.open(tmp_path)


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot be used|cannot be opened"):
        Journal.open(tmp_path / "file" / "journal.sqlite")


def test_a_path_that_cannot_be(tmp_path):
    with pytest.raises(JournalError, match="cannot be"):
        Journal.open(tmp_path / ("x" * 300))
    with pytest.raises(JournalError, match="cannot be"):
        Journal.open(f"{tmp_path}/nul\0")


def test_many_processes_open_a_new_journal_at_once(path):
    script = "import sys; from soniox_ds.batch.journal import Journal; print(Journal.open(sys.argv[1]).id)"
    several = [
        subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [process.communicate() for process in several]
    assert [process.returncode for process in several] == [0] * 4, said
    assert len({out for out, _ in said}) == 1


# -- forks -------------------------------------------------------------------------------------------------------------

FORKING = textwrap.dedent(
    """
    import asyncio, os, sys, time
    from soniox_ds.batch.journal import Journal, Entry

    def entry(key):
        return Entry(key, 1, key, "local", "done", key, "m", "0")

    journal = Journal.open(sys.argv[1])
    run = journal.start_run()

    async def write(of, name):
        await asyncio.gather(*(of.put(entry(f"{name}{number}")) for number in range(50)))

    async def before():
        await journal.claim(["a"], run)
        await write(journal, "before")
        return [asyncio.ensure_future(journal.put(entry(f"meanwhile{number}"))) for number in range(50)]

    loop = asyncio.new_event_loop()
    waiting = loop.run_until_complete(before())
    wait_for_parent, tell_child = os.pipe()
    wait_for_child, tell_parent = os.pipe()
    child = os.fork()
    if child == 0:
        mine = Journal.open(sys.argv[1])
        assert mine is not journal
        assert mine.id == journal.id
        other = asyncio.new_event_loop()

        async def in_child():
            await write(mine, "child")
            again = mine.start_run()
            assert await mine.claim(["a"], again) == {"a"}, "the parent lives, and so does its claim"
            await mine.end_run(again)

        other.run_until_complete(in_child())
        os.write(tell_parent, b"x")
        os.read(wait_for_parent, 1)
        other.run_until_complete(write(mine, "late"))  # the parent has closed meanwhile
        sys.exit(0)  # with everything that ends with an interpreter
    loop.run_until_complete(asyncio.gather(*waiting))
    loop.run_until_complete(write(journal, "parent"))
    os.read(wait_for_child, 1)
    loop.run_until_complete(write(journal, "after"))
    assert loop.run_until_complete(journal.claimed_by_others(None)) == {"a"}
    journal.close()
    os.write(tell_child, b"x")
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    reopened = Journal.open(sys.argv[1])
    batches = ("before", "meanwhile", "child", "parent", "after", "late")
    names = [f"{name}{number}" for name in batches for number in range(50)]
    assert len(loop.run_until_complete(reopened.known(names))) == 300
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_in_the_middle_of_writing(path):
    done = subprocess.run([sys.executable, "-c", FORKING, path], capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
