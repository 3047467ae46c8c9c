"""The widgets' scripts by themselves in Chromium: what they repeat of the Python half agrees with it."""

import base64
import json
import random
import threading
from contextlib import contextmanager
from itertools import groupby
from types import SimpleNamespace

import numpy as np
import pytest
from bad_line import BadLine
from tones import ToneRecognizer, pcm_bytes, random_words, speak
from websockets.sync.server import serve

from soniox_ds.emulator import Limits, local_service
from soniox_ds.exceptions import BadAnswerError
from soniox_ds.live.resume import first_new, resume_at
from soniox_ds.live.transcript import Transcript
from soniox_ds.widgets._assets import source
from soniox_ds.widgets.microphone.constants import page_constants
from soniox_ds.widgets.microphone.microphone import SCRIPTS

WORDS = [
    "one",
    "two",
    "Two,",
    "three",
    "four",
    "naïve",
    "Straße",
    "STRASSE",
    "好",
    "ไทย",
    "été",
    "e\u0301te\u0301",
    "ΣΑΣ",
    "it's",
]


@pytest.fixture(scope="module")
def page(bare_browser):
    opened = bare_browser.new_page()
    opened.set_content("<body></body>")
    yield opened
    opened.close()


@contextmanager
def broken_service(frame, got_on, most):
    """Run a service that sends a frame, with more audio processed each time if it `got_on`, and then disconnects.

    After `most` connections it does what it should.
    """
    count = 0

    def serve_one(socket):
        nonlocal count
        count += 1
        socket.recv()
        if count > most:
            while socket.recv() != "":
                pass
            socket.send(json.dumps({"tokens": [], "finished": True}))
            return
        if frame is not None:
            socket.send(json.dumps(frame | {"total_audio_proc_ms": count} if got_on else frame))

    with serve(serve_one, "127.0.0.1", 0, subprotocols=["soniox-api-key"]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
    thread.join()


def script(body):
    """A function of one argument that runs `body` behind the scripts of the microphone."""
    scripts = source(*SCRIPTS[:-1])  # The last script has the export, which a function cannot hold.
    return f"argument => {{ {scripts}\nuseConstants({json.dumps(page_constants())});\n{body} }}"


def random_messages(rng):
    """Return random messages of one to three sessions, each of which repeats the end of the session before it."""
    spoken, at = [], 0
    for _ in range(rng.randint(5, 25)):
        at += rng.choice([60, 120, 300, 900, 1500])
        text = rng.choice(WORDS)
        spoken.append((text if not spoken or rng.random() < 0.2 else f" {text}", at))
    sessions, first = [], 0
    for session in range(rng.randint(1, 3)):
        if first >= len(spoken):
            break
        last = rng.randint(first + 1, len(spoken))
        begin = max(0, first - rng.randint(0, 3)) if session else 0
        offset = max(0, spoken[begin][1] - 90) if session else 0
        messages, settled = [], begin
        while settled < last:
            upto = rng.randint(settled + 1, last)
            tail = rng.randint(upto, last)
            tokens = []
            for index in range(settled, tail):
                text, start = spoken[index]
                heard = rng.choice(WORDS) if session and index < first and rng.random() < 0.15 else text
                if index == begin and session:
                    heard = heard.lstrip()
                token = {
                    "text": heard,
                    "start_ms": start - offset + rng.choice([0, 0, 30, -30]) * (session > 0),
                    "end_ms": start - offset + 60,
                    "is_final": index < upto,
                }
                if rng.random() < 0.8:
                    token |= {"speaker": rng.choice(["1", "2"]), "language": "en"}
                tokens.append(token)
                if index < upto and rng.random() < 0.2:
                    tokens.append(
                        {"text": " x", "is_final": True, "translation_status": "translation", "language": "de"}
                    )
                if index < upto and rng.random() < 0.2:
                    tokens.append({"text": rng.choice(["<end>", "<fin>"]), "is_final": True})
            final = spoken[upto - 1][1] + 60 - offset
            messages.append({"tokens": tokens, "final_audio_proc_ms": final, "total_audio_proc_ms": final + 300})
            settled = upto
        if rng.random() < 0.3:
            messages.append({"tokens": [], "finished": True})
        sessions.append({"offset": offset, "messages": messages})
        first = last
    return sessions


def plain(token):
    return [token.text, token.start_ms, token.end_ms, token.speaker, token.is_translation]


PLAIN = "const plain = token => [token.text, token.start_ms, token.end_ms, token.speaker, token.is_translation];\n"
"""The same in the page."""


def test_the_browser_folds_messages_as_the_kernel_does(page):
    rng = random.Random(20)
    cases = [random_messages(rng) for _ in range(400)]
    folded = page.evaluate(
        script(
            PLAIN
            + """return argument.map(sessions => {
                const transcript = new Transcript();
                const steps = [];
                sessions.forEach(({ offset, messages }, session) => messages.forEach(message => {
                    const { settled, isFinalized, isFinished } = transcript.fold(message, session, offset);
                    steps.push([settled.map(plain), transcript.pending.map(plain), isFinalized, isFinished,
                        transcript.resumeMs(), transcript.finalAudioMs, transcript.totalAudioMs]);
                }));
                return [steps, transcript.close().map(plain), transcript.ends, transcript.settled.map(plain)];
            });""",
        ),
        cases,
    )
    repeated = 0
    for sessions, (steps, rest, ends, settled) in zip(cases, folded, strict=True):
        transcript = Transcript()
        expected = []
        for session, part in enumerate(sessions):
            for message in part["messages"]:
                update = transcript.fold(message, received_ms=0, session=session, offset_ms=part["offset"])
                expected.append(
                    [
                        [plain(token) for token in update.settled],
                        [plain(token) for token in update.pending],
                        update.is_finalized,
                        update.is_finished,
                        transcript.resume_ms(),
                        transcript.final_audio_ms,
                        transcript.total_audio_ms,
                    ]
                )
        assert steps == expected, json.dumps(sessions)
        assert rest == [plain(token) for token in transcript.close().settled]
        assert settled == [plain(token) for token in transcript.settled]
        assert ends == transcript.ends
        said = sum(len([t for t in m["tokens"] if t.get("is_final")]) for part in sessions for m in part["messages"])
        repeated += said > len(settled)
    assert repeated > 50  # seams were there to be judged


ODD = [None, True, "x", "", [], {}, [1], 0.5, 1.5, -2.5, 1e9, -1, 7]
"""What may stand where a number, a text or a list is due."""


def odd_message(rng):
    """A message in which something may be what it should not be, and may not matter."""

    def token():
        made = {
            "text": rng.choice([" a", "b", "<end>", "<fin>", " c.<end>", " <end> d"]),
            "start_ms": rng.randint(0, 900),
            "is_final": True,
        }
        made["end_ms"] = made["start_ms"] + 60
        if rng.random() < 0.3:
            made[rng.choice(["text", "start_ms", "end_ms", "is_final", "language"])] = rng.choice(ODD)
        if rng.random() < 0.2:
            del made[rng.choice(["text", "start_ms", "end_ms", "is_final"])]
        return made

    message = {"tokens": [token() for _ in range(rng.randint(0, 4))], "final_audio_proc_ms": 900}
    if rng.random() < 0.1:
        message["tokens"].insert(rng.randint(0, len(message["tokens"])), rng.choice(ODD))
    if rng.random() < 0.2:
        name = rng.choice(["tokens", "final_audio_proc_ms", "total_audio_proc_ms", "finished"])
        message[name] = rng.choice(ODD)
    if rng.random() < 0.1:
        del message["tokens"]
    return message


def test_the_browser_refuses_the_messages_that_the_kernel_refuses(page):
    """And then nothing has changed, here or there."""
    rng = random.Random(8)
    cases = [[odd_message(rng) for _ in range(5)] for _ in range(400)]
    folded = page.evaluate(
        script(
            PLAIN
            + """return argument.map(messages => {
                const transcript = new Transcript();
                return messages.map((message, number) => {
                    const before = JSON.stringify(transcript);
                    let verdict = "taken";
                    try {
                        transcript.fold(message, number > 2 ? 1 : 0, number > 2 ? 300 : 0);
                    } catch (error) {
                        verdict = JSON.stringify(transcript) === before ? "refused" : "half taken";
                    }
                    return [verdict, transcript.settled.map(plain), transcript.pending.map(plain),
                        [...transcript.ends], transcript.session, transcript.finalAudioMs, transcript.totalAudioMs];
                });
            });""",
        ),
        cases,
    )
    verdicts = []
    for messages, steps in zip(cases, folded, strict=True):
        transcript = Transcript()
        for number, (message, step) in enumerate(zip(messages, steps, strict=True)):
            before = repr(vars(transcript))
            where = {"session": 1, "offset_ms": 300} if number > 2 else {}
            verdict = "taken"
            try:
                transcript.fold(message, received_ms=0, **where)
            except BadAnswerError:
                verdict = "refused" if repr(vars(transcript)) == before else "half taken"
            expected = [
                verdict,
                [plain(token) for token in transcript.settled],
                [plain(token) for token in transcript.pending],
                transcript.ends,
                transcript.session,
                transcript.final_audio_ms,
                transcript.total_audio_ms,
            ]
            assert step == expected, json.dumps(messages[: number + 1])
            verdicts.append(verdict)
    assert set(verdicts) == {"taken", "refused"}
    assert verdicts.count("refused") > 300
    assert verdicts.count("taken") > 300


def test_the_browser_judges_seams_as_the_kernel_does(page):
    class Token:
        def __init__(self, text, start_ms):
            self.text, self.start_ms, self.end_ms = text, start_ms, None if start_ms is None else start_ms + 60

    rng = random.Random(5)

    def tokens(count):
        starts = sorted(rng.randint(0, 6000) for _ in range(count))
        return [
            Token(
                rng.choice(["", " "]) + rng.choice([*WORDS, "İ", "ﬁne", "１２", "ς"]),
                start if rng.random() < 0.95 else None,
            )
            for start in starts
        ]

    cases = [(tokens(rng.randint(0, 8)), tokens(rng.randint(0, 10)), rng.randint(0, 8000)) for _ in range(500)]
    found = page.evaluate(
        script(
            """return argument.map(([expected, heard, final]) =>
                [firstNew(expected, heard), resumeAt(expected, final)]);""",
        ),
        [[[vars(t) for t in expected], [vars(t) for t in heard], final] for expected, heard, final in cases],
    )
    assert found == [[first_new(expected, heard), resume_at(expected, final)] for expected, heard, final in cases]


def tones(**settings):
    """A stand-in that hears tones and refuses a key in the first message, as the service from 15 January 2027 on."""
    given = {"speed": 20, "set_environment": False, "refuse_key_in_message": True}
    return local_service(ToneRecognizer(), **{**given, **settings})


def spoken_directly(page, service, audio, settings, *, hurry=False):
    """Return the result of a page's `DirectSession`. With `hurry`, the rest of the audio comes while it reconnects."""
    return page.evaluate(
        script(
            """
            const { audio, start, key, url, settings, hurry } = argument;
            Object.assign(CONSTANTS.direct, settings);
            const bytes = Uint8Array.from(atob(audio), (letter) => letter.charCodeAt(0));
            const kinds = [];
            let [at, direct] = [0, null];
            const chunk = () => {
                at += 3200;
                direct.audio(bytes.slice(at - 3200, at).buffer);
            };
            const rest = () => {
                while (at < bytes.length) chunk();
                direct.finish();
            };
            const event = (happened) => {
                kinds.push(happened.event);
                if (hurry && happened.event === "control" && happened.payload === "" && at < bytes.length) rest();
            };
            direct = new DirectSession({
                needKey: async () => ({ key, url, start }), on: { event, update() {}, state() {} },
            });
            return direct.tryToOpen().then(() => new Promise((resolve) => {
                const timer = setInterval(() => {
                    if (direct.waitingMs > 300) return;
                    chunk();
                    if (at < bytes.length) return;
                    clearInterval(timer);
                    direct.finish();
                }, 10);
                direct.finished.then(() => {
                    clearInterval(timer);
                    const text = direct.transcript.settled.map((token) => token.text).join("");
                    resolve({ text, kinds, session: direct.session, failure: direct.failure ?? null });
                });
            }));
            """,
        ),
        {
            "audio": base64.b64encode(audio).decode(),
            "start": {"model": "stt-rt-v4", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1},
            "key": service.key,
            "url": service.ws_url,
            "settings": settings,
            "hurry": hurry,
        },
    )


@pytest.mark.parametrize(
    ("count", "hurry"),
    [pytest.param(50, False, id="spoken-to-the-end"), pytest.param(22, True, id="ended-while-it-changes")],
)
def test_the_direct_way_changes_to_a_new_session_before_the_longest_one_ends(page, count, hurry):
    words, pauses_ms = random_words(8, count)
    audio = pcm_bytes(speak(words, pauses_ms=pauses_ms)[0])
    limits = Limits(duration_ms=7_500, sessions_per_minute=None)
    with tones(limits=limits) as service:
        settings = {"limit_ms": 7000, "rotate_before_ms": 2000, "rotate_latest_ms": 1000}
        said = spoken_directly(page, service, audio, settings, hurry=hurry)
    assert said["text"].split() == words
    assert said["session"] >= len(audio) // 32 // 7_000 >= 1
    assert said["failure"] is None
    assert "lost" not in said["kinds"]


@pytest.mark.parametrize(
    ("key", "strict", "is_heard"),
    [
        pytest.param("snx_temp_0123", True, True, id="in-the-subprotocol"),
        pytest.param("temp:0123", False, True, id="with-a-colon"),
        pytest.param("temp:0123", True, False, id="with-a-colon-refused"),
    ],
)
def test_the_direct_way_sends_a_key_in_a_message_only_where_a_browser_has_no_other_way(page, key, strict, is_heard):
    """A key with a colon fits into no subprotocol, and a page cannot set headers of a websocket."""
    words, pauses_ms = random_words(9, 4)
    audio = pcm_bytes(speak(words, pauses_ms=pauses_ms)[0])
    with tones(key=key, refuse_key_in_message=strict) as service:
        said = spoken_directly(page, service, audio, {})
    assert (said["text"].split() == words) == is_heard
    assert (said["failure"] is None) == is_heard
    assert is_heard or "send it with the connection" in said["failure"]


@pytest.mark.parametrize("patience_ms", [600_000, 0])
def test_the_direct_way_waits_for_an_outage_as_long_as_patience_lasts(page, patience_ms):
    words, pauses_ms = random_words(9, 20)
    audio = pcm_bytes(speak(words, pauses_ms=pauses_ms)[0])
    limits = Limits(sessions_per_minute=None)
    with tones(limits=limits) as service:
        service.faults.next("ws_drop", "websocket", frames=20)
        service.faults.next("unavailable", "websocket", times=12)
        said = spoken_directly(page, service, audio, {"wait_ms": 5, "max_wait_ms": 10, "patience_ms": patience_ms})
    if patience_ms:
        assert (said["text"].split(), said["failure"]) == (words, None)
        assert said["kinds"].count("lost") == 13
    else:
        assert " ".join(words).startswith(said["text"].strip())
        assert said["failure"]
        assert said["kinds"].count("lost") == 6


@pytest.mark.parametrize("count", [1, 2])
def test_the_direct_way_says_that_the_service_does_not_answer_and_takes_another_connection(page, count):
    words, pauses_ms = random_words(10, 40)
    audio = pcm_bytes(speak(words, pauses_ms=pauses_ms)[0])
    limits = Limits(sessions_per_minute=None)
    with (
        local_service(ToneRecognizer(), speed=20, limits=limits, set_environment=False) as service,
        BadLine(service.ws_url) as line,
    ):
        line.freezes_after = 700  # little, because a busy service puts many words into one message
        line.freezes = count
        place = SimpleNamespace(key=service.key, ws_url=line.url)
        said = spoken_directly(page, place, audio, {"silent_ms": 300, "silent_break_ms": 900, "wait_ms": 5})
    assert said["text"].split() == words
    assert said["failure"] is None
    assert said["session"] == line.connections - 1 >= count
    told = [kind for kind in said["kinds"] if kind in ("silent", "lost")]
    # a busy machine may make the service silent more than once before a connection is given up
    assert [kind for kind, _ in groupby(told)][:2] == ["silent", "lost"]
    assert told.count("lost") == said["session"]


def test_the_direct_way_counts_what_the_socket_holds_and_leaves_the_rest_out_of_it(page):
    with (
        local_service(ToneRecognizer(), set_environment=False) as service,
        BadLine(service.ws_url) as line,
    ):
        page.evaluate(
            script(
                """
                const { key, url, start } = argument;
                Object.assign(CONSTANTS.direct, { ahead_ms: Infinity, silent_break_ms: Infinity });
                CONSTANTS.direct.silent_break_most_ms = Infinity;
                window.states = [];
                window.direct = new DirectSession({
                    needKey: async () => ({ key, url, start }),
                    on: { event() {}, update() {}, state: (state) => window.states.push(state) },
                });
                return window.direct.tryToOpen().then(() => {
                    window.direct.audio(new ArrayBuffer(3200));
                    return new Promise((resolve) => {
                        const timer = setInterval(() => {
                            if (!window.direct.transcript.totalAudioMs) return;
                            clearInterval(timer);
                            resolve();
                        }, 10);
                    });
                });
                """,
            ),
            {
                "start": {"model": "stt-rt-v4", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1},
                "key": service.key,
                "url": line.url,
            },
        )
        line.freeze()
        # Noise, since silence shrinks to next to nothing on the wire, until the systems on the way take no more of it.
        waiting, buffered, unsent, unheard = page.evaluate(
            """() => {
                const { direct } = window;
                const tenSeconds = () => {
                    for (let n = 0; n < 100; n += 1) {
                        direct.audio(crypto.getRandomValues(new Uint8Array(3200)).buffer);
                    }
                };
                let sentMs = null;
                return new Promise((resolve) => {
                    const timer = setInterval(() => {
                        const unsentMs = direct.endMs - direct.sentMs;
                        const isStuck = direct.socket.bufferedAmount > 65536 && direct.sentMs === sentMs;
                        sentMs = direct.sentMs;
                        if (unsentMs <= 60_000) tenSeconds();
                        else if (isStuck) {
                            clearInterval(timer);
                            resolve([direct.waitingMs, direct.socket.bufferedAmount, unsentMs, direct.unheardMs]);
                        }
                    }, 100);
                });
            }"""
        )
        assert waiting == pytest.approx(unsent + buffered / 32)
        assert 60_000 < unsent < unheard
        assert 65_536 < buffered < 65_536 + 3_300
        page.wait_for_function("() => window.states.includes('silent')", timeout=60_000)
        page.evaluate("() => window.direct.close()")


@pytest.mark.parametrize(
    ("frame", "got_on", "connections"),
    [
        pytest.param({"tokens": []}, False, 6 * 3, id="says-something-gets-nowhere"),
        pytest.param({"tokens": [], "total_audio_proc_ms": 1}, True, 0, id="gets-on"),
        pytest.param({"tokens": [], "finished": True}, False, 6, id="finishes-too-early"),
        pytest.param(None, False, 6, id="says-nothing"),
        pytest.param({"error_code": 503, "error_message": "later"}, False, 6, id="refuses"),
        pytest.param([], False, 6, id="no-object"),
        pytest.param({"tokens": [{"text": " a", "start_ms": "x"}]}, False, 6, id="no-message"),
    ],
)
def test_the_direct_way_gives_a_service_up_that_gets_nowhere(page, frame, got_on, connections):
    """The direct mode gives up like ``live.session``. Each connection needs a new key."""
    most = 40  # connections after which the service is well again
    with broken_service(frame, got_on, most) as url:
        said = page.evaluate(
            script(
                """
                Object.assign(CONSTANTS.direct, { wait_ms: 1, max_wait_ms: 2, stalls: 3 });
                const states = [];
                let keys = 0;
                const direct = new DirectSession({
                    needKey: async () => { keys += 1; return { key: "k", url: argument.url, start: {} }; },
                    on: { event() {}, update() {}, state: (state) => states.push(state) },
                });
                const opened = direct.tryToOpen();
                direct.audio(new ArrayBuffer(3200));
                return opened.then(() => {
                    if (argument.end) direct.finish();
                    setTimeout(() => direct.close(), 20_000);
                    return direct.finished;
                }).then(() => ({ keys, last: states.at(-1), failure: direct.failure ?? null }));
                """,
            ),
            {"url": url, "end": got_on},
        )
    if connections:
        assert said["keys"] == connections
        assert said["last"] == "failed"
        assert said["failure"]
    else:
        assert said == {"keys": most + 1, "last": "open", "failure": None}


def test_the_direct_way_is_not_waited_for_for_ever_where_another_would_do(page):
    said = page.evaluate(
        script(
            """
            Object.assign(CONSTANTS.recorder, { direct_ms: 300 });
            const model = { get: () => ({ mode: "auto", transport: "comm", service: "a.b" }), on() {}, off() {},
                send() {} };
            const recorder = new Recorder(model);
            clearInterval(recorder.timer);
            const channel = { send: () => true };
            const take = { name: "t", channel, outbox: { channel: null, put() {} } };
            return recorder.goDirect(take, CONSTANTS.recorder.direct_ms).then((why) => [why, take.direct ?? null]);
            """,
        ),
        None,
    )
    assert said == ["it took too long to answer", None]


@pytest.mark.parametrize(
    ("kernel", "socket", "most_ms"),
    [
        pytest.param({"status": "idle", "connectionStatus": "connected"}, None, 60_000, id="idle"),
        pytest.param({"status": "busy", "connectionStatus": "connected"}, None, 60_000, id="busy"),
        pytest.param({"status": "idle", "connectionStatus": "connecting"}, None, 5_000, id="server-away"),
        pytest.param({"status": "unknown", "connectionStatus": "connected"}, None, 5_000, id="unknown"),
        pytest.param({"status": "dead", "connectionStatus": "connected"}, None, 5_000, id="dead"),
        pytest.param(None, None, 5_000, id="another-front-end"),
        pytest.param(None, "CONNECTING", 5_000, id="another-front-end-no-socket"),
        pytest.param(None, "OPEN", 60_000, id="another-front-end-own-socket"),
        pytest.param({"status": "dead", "connectionStatus": "connected"}, "OPEN", 60_000, id="own-socket"),
        pytest.param(None, "CLOSED", 5_000, id="socket-closed"),
    ],
)
def test_a_silent_kernel_is_waited_for_for_a_minute_where_its_process_is_there(page, kernel, socket, most_ms):
    ended = page.evaluate(
        script(
            """
            const widget_manager = { kernel: argument.kernel };
            const model = { get: () => ({}), on() {}, off() {}, send() {}, widget_manager };
            const recorder = new Recorder(model);
            clearInterval(recorder.timer);
            const channel = { send: () => true, close() {} };
            if (argument.socket) channel.socket = { readyState: WebSocket[argument.socket] };
            const take = { name: "t", outbox: new Outbox("t") };
            take.outbox.attach(channel, {});
            recorder.take = take;
            recorder.begin(take);
            return [argument.most_ms - 1000, argument.most_ms + 1000].map((silentMs) => {
                recorder.silentMs = silentMs;
                recorder.tickedAt = performance.now();
                recorder.tick();
                return [Boolean(take.isOver), recorder.trouble?.kind ?? null];
            });
            """,
        ),
        {"kernel": kernel, "socket": socket, "most_ms": most_ms},
    )
    assert ended == [[False, None], [True, "kernel"]]


def test_a_key_that_does_not_come_is_not_waited_for_for_ever(page):
    said = page.evaluate(
        script(
            """
            Object.assign(CONSTANTS.recorder, { key_ms: 300 });
            const sent = [];
            const model = { get: () => ({}), on() {}, off() {}, send: (message) => sent.push(message) };
            const recorder = new Recorder(model);
            clearInterval(recorder.timer);
            const told = [];
            const socket = { send: (message) => { told.push(message); return true; } };
            const broken = { send: () => false };
            const ask = (channel) => recorder.askForKey({ name: "t", outbox: { channel } })
                .then((answer) => answer.key, (error) => [error.message, Boolean(error.isRefusal)]);
            const answers = [ask(socket), ask(broken), ask(null), ask(socket), ask(socket)];
            const questions = [...told, ...sent.filter(({ type }) => type === "need_key")];
            const [first, second, third, fourth] = questions.map(({ request }) => request);
            recorder.heard({ type: "no_key", request: second, text: "not yours" }, recorder.comm);
            recorder.heard({ type: "no_key", request: third, text: "trouble", again: true }, recorder.comm);
            recorder.heard({ type: "key", request: fourth, key: "k" }, recorder.comm);
            return Promise.all(answers).then((all) => ({ all, told: told.length, open: recorder.requests.size }));
            """,
        ),
        None,
    )
    # the questions in the order of their channels: sockets 0, 3 and 4 first
    nothing = ["the kernel made no key for another connection", False]
    assert said == {"all": [nothing, "k", nothing, ["not yours", True], ["trouble", False]], "told": 3, "open": 0}


def test_the_last_words_are_drawn_in_whatever_order_they_and_the_end_arrive(page):
    """The end goes over two connections, and may overtake updates on one of them."""
    said = page.evaluate(
        script(
            """
            Object.assign(CONSTANTS.recorder, { late_words_ms: 300 });
            const made = (name) => {
                const model = { get: () => ({}), on() {}, off() {}, send() {} };
                const recorder = new Recorder(model);
                clearInterval(recorder.timer);
                recorder.take = { name, outbox: { channel: { send: () => true, close() {} } } };
                recorder.begin(recorder.take);
                recorder.mode = "proxy";
                return recorder;
            };
            const update = (recorder, have, words, pending = []) => recorder.heard({ type: "update",
                take: recorder.take.name, have, ends: [], settled: words.map((text) => ({ text })),
                pending: pending.map((text) => ({ text })) }, recorder.comm);
            const state = (recorder) => [recorder.state, recorder.lines.flatMap(({ tokens }) => tokens)
                .map(({ text }) => text).join(""), recorder.pendingTokens.length];
            const steps = [];
            const early = made("early");
            early.heard({ type: "ended", take: "early", tokens: 3 }, early.comm);
            update(early, 0, ["a"], [" b"]);
            steps.push(state(early));
            early.heard({ type: "ended", take: "early", tokens: 3 }, early.comm);
            update(early, 1, [" b", " c"]);
            steps.push(state(early));
            const late = made("late");
            update(late, 0, ["a"]);
            late.heard({ type: "ended", take: "late", tokens: 2 }, late.comm);
            return new Promise((resolve) => afterTimeAwake(600, () => {
                steps.push(state(late));
                update(late, 1, [" b"], [" ghost"]);
                steps.push(state(late));
                resolve(steps);
            }));
            """,
        ),
        None,
    )
    assert said == [["recording", "a", 1], ["stopped", "a b c", 0], ["stopped", "a", 0], ["stopped", "a b", 0]]


def test_the_timer_counts_the_time_in_which_the_page_is_awake(page):
    said = page.evaluate(
        script(
            """
            const hang = (ms) => { for (const until = performance.now() + ms; performance.now() < until;); };
            const happened = [];
            afterTimeAwake(500, () => happened.push("timer"));
            afterTimeAwake(300, () => happened.push("called off"))();
            const { port1, port2 } = new MessageChannel();
            port2.onmessage = () => happened.push("message");
            setTimeout(() => { port1.postMessage(0); hang(1500); });
            return new Promise((resolve) => setTimeout(() => {
                const early = [...happened];
                afterTimeAwake(1000, () => resolve([early, happened]));
            }, 200));
            """,
        ),
        None,
    )
    assert said == [["message"], ["message", "timer"]]


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050])
def test_the_resampler_keeps_what_is_heard_and_lets_nothing_fold(page, rate):
    """Tones below 7 kHz stay and tones above 8 kHz vanish, because aliases would sound like speech."""

    def resampled(frequency):
        body = """
            const blocks = [];
            const made = {};
            const port = { postMessage: message => blocks.push(message) };
            const scope = { AudioWorkletProcessor: class { constructor() { this.port = port; } },
                registerProcessor: (name, type) => { made.type = type; }, sampleRate: argument.rate };
            new Function(...Object.keys(scope), `(${captureOnAudioThread})()`)(...Object.values(scope));
            const capture = new made.type({ processorOptions: { rate: 16000, chunkSamples: 1600 } });
            for (let at = 0; at < argument.rate; at += 128) {
                const tone = (_, n) => Math.sin((2 * Math.PI * argument.frequency * (at + n)) / argument.rate);
                capture.process([[Float32Array.from({ length: 128 }, tone)]]);
            }
            capture.obey("stop");
            return blocks.filter(block => block.buffer).flatMap(block => [...new Int16Array(block.buffer)]);"""
        return np.array(page.evaluate(script(body), {"rate": rate, "frequency": frequency}))

    for frequency in (300, 1_000, 3_500, 6_900):
        out = resampled(frequency)
        assert len(out) == pytest.approx(16_000, abs=120)
        level = 20 * np.log10(np.std(out[2000:-2000]) / (32_767 / np.sqrt(2)))
        assert level == pytest.approx(0, abs=0.5), frequency
        spectrum = np.abs(np.fft.rfft(out[2000:10_000] * np.hanning(8000)))
        assert abs(spectrum.argmax() * 2 - frequency) <= 4
    for frequency in (9_600, 10_500):
        level = 20 * np.log10(max(np.std(resampled(frequency)[2000:-2000]), 1e-3) / (32_767 / np.sqrt(2)))
        assert level < -75, frequency


def test_captions_lines_speakers_translations_and_scrolling(page):
    state = page.evaluate(
        script(
            """
            const root = document.createElement("div");
            document.body.replaceChildren(root);
            const captions = new Captions(root, { label: "Live captions" });
            captions.log.style.cssText = "max-height: 60px; overflow-y: auto";
            const lines = () => [...root.querySelectorAll(".sx-line")].map(line => [
                line.dataset.voice ?? null, line.querySelector(".sx-who")?.textContent ?? null,
                line.querySelector(".sx-said").textContent, line.querySelector(".sx-translation")?.textContent ?? null,
                line.getAttribute("aria-hidden"), line.querySelectorAll(".sx-pending").length]);
            const steps = [];
            captions.pending([{ text: " Goo", speaker: "1", start_ms: 900 }]);
            steps.push(lines());
            captions.add([{ text: "Good", speaker: "1" }, { text: " morning.", speaker: "1" }], [2]);
            captions.add([{ text: "Guten Morgen.", speaker: "1", is_translation: true, language: "de" }]);
            captions.pending([{ text: "He", speaker: "2" }, { text: "Ha", speaker: "2", is_translation: true }]);
            steps.push(lines());
            captions.add([{ text: "Hello", speaker: "2" }, { text: " you", speaker: "1@2" },
                { text: "!", speaker: "1@2" }]);
            captions.pending([]);
            captions.add([], [0]);
            captions.add([{ text: "Next", speaker: "1@2" }]);
            steps.push(lines());
            for (let n = 0; n < 30; n += 1) captions.add([{ text: `line ${n}` }], [1]);
            const bottom = () => captions.log.scrollHeight - captions.log.scrollTop - captions.log.clientHeight < 4;
            const followed = bottom();
            captions.log.scrollTop = 0;
            captions.log.dispatchEvent(new Event("scroll"));
            captions.add([{ text: "more" }], [1]);
            const held = captions.log.scrollTop === 0 && !captions.latest.hidden;
            captions.latest.click();
            const again = bottom() && captions.latest.hidden;
            const log = captions.log;
            return { steps, followed, held, again,
                aria: [...["role", "aria-live", "aria-label"].map(name => log.getAttribute(name)), log.tabIndex] };
            """,
        ),
        None,
    )
    assert state["steps"] == [
        [["0", "Speaker 1", " Goo", None, "true", 1]],
        [
            ["0", "Speaker 1", "Good morning.", "Guten Morgen.", None, 0],
            ["1", "Speaker 2", "He", "Ha", "true", 2],
        ],
        [
            ["0", "Speaker 1", "Good morning.", "Guten Morgen.", None, 0],
            ["1", "Speaker 2", "Hello", None, None, 0],
            ["2", "Speaker 1 (connection 2)", "you!", None, None, 0],
            ["2", None, "Next", None, None, 0],
        ],
    ]
    assert [state["followed"], state["held"], state["again"]] == [True, True, True]
    assert state["aria"] == ["log", "polite", "Live captions", 0]


def test_a_token_is_text_whatever_it_says(page):
    nasty = "<img src=x onerror='window.hurt = 1'><b>bold</b> &amp; \u202ertl"
    token = {"text": nasty, "speaker": nasty, "language": nasty}
    shown = page.evaluate(
        script(
            """
            const root = document.createElement("div");
            document.body.replaceChildren(root);
            const captions = new Captions(root);
            captions.add([argument, { ...argument, is_translation: true }]);
            captions.pending([argument, { ...argument, is_translation: true }]);
            return [root.querySelectorAll("img, b").length, root.textContent.split(argument.text).length - 1,
                [...root.querySelectorAll(".sx-said, .sx-translation")].map(part => part.dir)];""",
        ),
        token,
    )
    assert shown == [0, 5, ["auto", "auto"]]  # the speaker; words and translation, settled and pending
    assert page.evaluate("() => window.hurt") is None
