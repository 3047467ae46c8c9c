"""`max_cost_usd`: submission stops before the amount is exceeded, and a later call goes on."""

import asyncio
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from batches import batch, routes, settings_for, stand_in, transcribe, until, wav
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.batch.spending import LONGEST_MS, Spending
from soniox_ds.emulator.refusals import invalid
from soniox_ds.exceptions import OptionsError, RecordingsFailedWarning

SECOND_USD = 0.10 / 3600
LIVE_SECOND_USD = 0.12 / 3600
pytestmark = pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.RecordingsFailedWarning")


def statuses(result):
    return result.recordings["error_type"].fillna("completed").tolist()


def spent(service):
    """Return the cost that the service has booked."""
    return service.call(lambda rules: float(sum(entry.cost for entry in rules.usage._entries)))


async def test_submission_stops_before_the_amount_and_a_later_call_goes_on(tmp_path):
    sources = {name: wav(number, 1.0) for number, name in enumerate("abcde")}
    with stand_in() as service:
        call = partial(transcribe, sources, service, tmp_path)
        corpus = await call(max_cost_usd=2.5 * SECOND_USD)
        assert statuses(corpus) == ["completed"] * 2 + ["max_cost_reached"] * 3
        assert service.created.total == 2
        assert spent(service) == pytest.approx(2 * SECOND_USD)
        message = corpus.recordings["error_message"][2]
        assert "not sent: max_cost_usd is 0.0000694444, this call has spent about $0.000056 (by" in message
        assert "this recording would cost about $0.000028." in message
        assert "the same call goes on" in message
        corpus = await call(max_cost_usd=2 * SECOND_USD)
        assert statuses(corpus) == ["completed"] * 4 + ["max_cost_reached"]
        corpus = await call(max_cost_usd=10 * SECOND_USD)
        assert statuses(corpus) == ["completed"] * 5
        assert service.created.total == 5


async def test_exactly_the_amount_is_spent(tmp_path):
    sources = {name: wav(number, 1.0) for number, name in enumerate("abc")}
    with stand_in() as service:
        assert statuses(await transcribe(sources, service, tmp_path, max_cost_usd=3 * SECOND_USD)) == ["completed"] * 3


async def test_with_nothing_to_spend_only_the_journal_answers(tmp_path):
    with stand_in() as service:
        await transcribe({"a": wav(1)}, service, tmp_path)
        seen = len(service.requests)
        corpus = await transcribe({"a": wav(1), "b": wav(2)}, service, tmp_path, max_cost_usd=0)
        assert statuses(corpus) == ["completed", "max_cost_reached"]
        assert not routes(service, seen)


async def test_nothing_is_begun_after_the_first_that_does_not_fit(tmp_path):
    sources = {"short": wav(1, 0.5), "long": wav(2, 5.0), "short too": wav(3, 0.5)}
    with stand_in() as service:
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=2 * SECOND_USD)
        assert statuses(corpus) == ["completed", "max_cost_reached", "max_cost_reached"]


async def test_a_recording_whose_channels_do_not_all_fit_is_set_aside(tmp_path):
    """Two channels of a second each: the second recording would have room for one of them."""
    sources = {"a": wav(1, 1.0, channels=2), "b": wav(2, 1.0, channels=2)}
    with stand_in() as service:
        call = partial(transcribe, sources, service, tmp_path, channels="separate")
        corpus = await call(max_cost_usd=3.5 * SECOND_USD)
        assert statuses(corpus) == ["completed", "max_cost_reached"]
        assert service.created.total == 2
        message = corpus.recordings["error_message"][1]
        assert "this recording would cost about $0.000056." in message
        assert message.startswith("channel 1; channel 2: not sent")
        assert statuses(await call(max_cost_usd=2 * SECOND_USD)) == ["completed"] * 2
        assert service.created.total == 4


async def test_the_same_audio_is_paid_for_once(tmp_path):
    sources = {"a": wav(1, 1.0), "again": wav(1, 1.0), "b": wav(2, 1.0)}
    with stand_in() as service:
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=2 * SECOND_USD)
        assert statuses(corpus) == ["completed"] * 3


async def test_what_the_service_refuses_costs_nothing(tmp_path):
    """Uploads that fail for good give their amount back, so that the others are sent."""
    sources = {name: wav(number, 1.0) for number, name in enumerate("abcd")}
    with stand_in() as service:

        def refuse_first(rules):
            add_file = rules.add_file
            refused = []

            def refusing(*args, **given):
                if not refused:
                    refused.append(1)
                    raise invalid("file.file", "no", "value_error")
                return add_file(*args, **given)

            rules.add_file = refusing

        service.call(refuse_first)
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=3 * SECOND_USD, concurrency=1)
        assert sorted(statuses(corpus)) == ["completed"] * 3 + ["invalid_request"]


async def test_lost_answers_never_exceed_the_amount(tmp_path):
    """Attempts whose answer was lost count, because the service may charge them."""
    sources = {f"r{number:02}": wav(number, 1.0) for number in range(20)}
    with stand_in(faults={"error_after@create": 0.4, "server_error@create": 0.2}, seed=5) as service:
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=10.5 * SECOND_USD)
        assert spent(service) <= 10.5 * SECOND_USD
        assert statuses(corpus).count("completed") <= 10
        assert "max_cost_reached" in statuses(corpus)
        completed = await transcribe(sources, service, tmp_path)
        assert completed.recordings["status"].eq("completed").all()


async def test_failed_attempts_count(tmp_path):
    """A job that ended with an error counts, because it is not documented whether the service charges it."""
    sources = {name: wav(number, 1.0) for number, name in enumerate("abcd")}
    with stand_in(faults={"job_internal_error": 1.0}) as service:
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=4 * SECOND_USD)
        assert service.created.total == 4
        assert "completed" not in statuses(corpus)
        assert "max_cost_reached" in statuses(corpus)


async def test_jobs_that_an_earlier_call_began_are_free(tmp_path):
    """An interrupted call has paid for its jobs: a later one fetches them, although it may spend nothing."""
    sources = batch(6)
    with stand_in(median_s=60.0) as service:
        call = asyncio.create_task(transcribe(sources, service, tmp_path))
        await until(lambda: service.created.total == 6)
        await until(lambda: all(request.status is not None for request in service.requests))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        corpus = await transcribe(sources, service, tmp_path, max_cost_usd=0)
        done = statuses(corpus).count("completed")
        assert done + statuses(corpus).count("max_cost_reached") == 6
        assert done >= 5, "the last answer may have been lost with the call"
        assert service.created.total == 6


@pytest.fixture
def web(tmp_path):
    """A web server with three short recordings, whose lengths nobody knows beforehand."""
    (tmp_path / "web").mkdir()
    for number in range(3):
        (tmp_path / "web" / f"{number}.wav").write_bytes(wav(number, 1.0))
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=tmp_path / "web")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield [f"http://127.0.0.1:{server.server_port}/{number}.wav" for number in range(3)]
        server.shutdown()
        thread.join()


async def test_an_unknown_length_needs_room_for_the_longest(web, tmp_path):
    longest = LONGEST_MS / 1000 * SECOND_USD
    with stand_in() as service:
        corpus = await transcribe(web, service, tmp_path, max_cost_usd=longest / 2)
        assert statuses(corpus) == ["max_cost_reached"] * 3
        message = corpus.recordings["error_message"][0]
        assert "at most about $0.50, because its length is not known" in message
        assert message.endswith("give a max_cost_usd of at least 0.5")
        assert service.created.total == 0
        corpus = await transcribe(web, service, tmp_path, max_cost_usd=longest + 3 * SECOND_USD)
        assert statuses(corpus) == ["completed"] * 3, "one after the other, as soon as the service reports the length"
        assert spent(service) == pytest.approx(3 * SECOND_USD, rel=0.1)


async def test_a_length_that_is_known_gives_the_rest_back_before_the_end(web, tmp_path):
    """The next URL is sent while the first is still being processed, as soon as its length is known."""
    with stand_in(median_s=600.0) as service:
        amount = LONGEST_MS / 1000 * SECOND_USD + 2 * SECOND_USD
        call = asyncio.create_task(transcribe(web, service, tmp_path, max_cost_usd=amount))
        await until(lambda: len(service.transcriptions) == 3 or call.done())
        assert {job["status"] for job in service.transcriptions} <= {"queued", "processing"}
        assert not call.done()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


def test_an_experiment_has_one_amount_for_all_arms(tmp_path):
    sources = {name: wav(number, 1.0) for number, name in enumerate("abcd")}
    with stand_in() as service:
        trial = sx.compare(
            sources,
            dict.fromkeys(sources, "one"),
            arms={"plain": {}, "hints": {"language_hints": ["en"]}},
            max_cost_usd=6 * SECOND_USD,
            **settings_for(service, tmp_path),
        )
        assert service.created.total == 6
        assert spent(service) == pytest.approx(6 * SECOND_USD)
    rows = [status for corpora in trial.corpora.values() for status in statuses(corpora[0])]
    assert sorted(rows) == ["completed"] * 6 + ["max_cost_reached"] * 2


def live_settings(service, tmp_path):
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url, websocket_url=service.ws_url)
    return {"connection": connection, "journal": tmp_path / "journal.sqlite", "speed": None, "progress": False}


def test_live_recordings_stop_before_the_amount(tmp_path):
    sources = {name: wav(number, 1.0) for number, name in enumerate("abc")}
    with stand_in(speed=1) as service:
        settings = live_settings(service, tmp_path)
        live = sx.stream_dataset(sources, max_cost_usd=2.5 * LIVE_SECOND_USD, **settings)
        assert sorted(statuses(live)) == ["completed"] * 2 + ["max_cost_reached"]
        assert live.recordings["error_message"].dropna().str.contains("would cost about $0.000033.", regex=False).all()
        opened = len([request for request in service.requests if request.path == "/transcribe-websocket"])
        live = sx.stream_dataset(sources, max_cost_usd=LIVE_SECOND_USD, **settings)
        assert statuses(live) == ["completed"] * 3, "what is on disk is free"
        assert len([request for request in service.requests if request.path == "/transcribe-websocket"]) == opened + 1


def test_a_live_recording_whose_channels_do_not_all_fit_is_set_aside(tmp_path):
    sources = {name: wav(number, 1.0, channels=2) for number, name in enumerate("ab")}
    with stand_in(speed=1) as service:
        settings = live_settings(service, tmp_path) | {"channels": "separate"}
        live = sx.stream_dataset(sources, max_cost_usd=3.5 * LIVE_SECOND_USD, **settings)
        assert sorted(statuses(live)) == ["completed", "max_cost_reached"]
        opened = [request for request in service.requests if request.path == "/transcribe-websocket"]
        assert len(opened) == 2
        live = sx.stream_dataset(sources, max_cost_usd=2 * LIVE_SECOND_USD, **settings)
        assert statuses(live) == ["completed"] * 2


def test_slow_streams_cost_more(tmp_path):
    """A stream at half the speed is open for twice as long, and all of it is charged."""
    with stand_in(speed=1) as service:
        settings = live_settings(service, tmp_path) | {"speed": 0.5}
        live = sx.stream_dataset({"a": wav(1, 1.0)}, max_cost_usd=1.5 * LIVE_SECOND_USD, **settings)
        assert statuses(live) == ["max_cost_reached"]


def test_raising_names_every_recording(tmp_path):
    with stand_in() as service, pytest.raises(ExceptionGroup) as raised:
        sx.transcribe(
            {"a": wav(1, 1.0), "b": wav(2, 1.0)},
            max_cost_usd=SECOND_USD,
            on_error="raise",
            **settings_for(service, tmp_path),
        )
    assert [error.error_type for error in raised.value.exceptions] == ["max_cost_reached"]


def test_a_warning_says_how_many_were_not_sent(tmp_path):
    with stand_in() as service, pytest.warns(RecordingsFailedWarning, match=r"max_cost_reached \(2\)"):
        sx.transcribe({"a": wav(1), "b": wav(2)}, max_cost_usd=0, **settings_for(service, tmp_path))


@pytest.mark.parametrize("amount", [-1, "1", True, float("nan")])
def test_what_is_no_amount_is_refused(amount, tmp_path):
    for call in (sx.transcribe, sx.stream_dataset):
        with pytest.raises(OptionsError, match="max_cost_usd is"):
            call({"a": wav(1)}, max_cost_usd=amount)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "again", "keep", "give_back", "correct"]), st.integers(0, 5), st.integers(1, 9)
    )
)


@given(STEPS, st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_the_amount_is_never_exceeded(steps, most):
    """Whatever happens in which order: what counts stays below the limit, unless a length was longer than expected."""

    async def run():
        spending = Spending(most)
        for step, owner, usd in steps:
            if step == "reserve" and str(owner) not in spending._reserved:
                task = asyncio.ensure_future(spending.reserve({str(owner): usd}))
                await asyncio.sleep(0)
                if not task.done():
                    task.cancel()
            elif step == "again":
                spending.reserve_again(str(owner), usd)
            elif step == "keep":
                spending.keep(str(owner))
            elif step == "give_back":
                spending.give_back(str(owner))
            elif step == "correct":
                spending.correct(str(owner), min(usd, spending._reserved.get(str(owner), 0)))
            assert spending.counted_usd <= most + 1e-9

    asyncio.run(run())
