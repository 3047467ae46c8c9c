from microphone_page import MicrophonePage, listening_service
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer
TALK = [
    {"text": "Good morning, how did the night shift go?", "speaker": "1", "language": "en"},
    {"text": "Quiet until four, then the pump alarm went off twice and would not stop.", "speaker": "2", "language": "en"},
    {"text": "Did anybody look at the pressure before you switched it off?", "speaker": "1", "language": "en"},
    {"text": "Yes, it was normal. I wrote it down in the log, next to the valve reading.", "speaker": "2", "language": "en"},
]
OPT = "language_hints=['en'], enable_endpoint_detection=True, enable_speaker_diarization=True, "
def test_shots(notebook):
    with listening_service(ScriptedRecognizer(stream_script=TALK)) as service:
        page = MicrophonePage(notebook, service, OPT + "translation={'type': 'one_way', 'target_language': 'de'}", loop=True)
        page.nb.screenshot("/tmp/shots/idle.png", ".jp-Notebook")
        page.start()
        page.wait_for_words(26)
        page.nb.screenshot("/tmp/shots/light.png", ".jp-Notebook")
        page.nb.use_theme("dark")
        page.wait_for_words(34)
        page.nb.screenshot("/tmp/shots/dark.png", ".jp-Notebook")
        service.faults.next("unavailable", "websocket", times=5)
        service.call(lambda rules: None)
        server = service._server
        import asyncio
        asyncio.run_coroutine_threadsafe(drop(server), service._loop)
        page.wait_for_note("Reconnecting")
        page.nb.page.wait_for_timeout(600)
        page.nb.screenshot("/tmp/shots/reconnecting.png", ".jp-Notebook")
        page.nb.use_theme("light")
        page.nb.page.set_viewport_size({"width": 620, "height": 800})
        page.nb.page.wait_for_timeout(500)
        page.nb.screenshot("/tmp/shots/narrow.png", ".jp-Notebook")
        page.nb.page.set_viewport_size({"width": 1100, "height": 800})
        page.stop()
        page.nb.screenshot("/tmp/shots/stopped.png", ".jp-Notebook")
        page = MicrophonePage(notebook, service, OPT, mic="deny")
        page.nb.page.click(".sx-go")
        page.wait_for_alert("denied")
        page.nb.screenshot("/tmp/shots/denied.png", ".jp-Notebook")
async def drop(server):
    door = [v for v in vars(server).values() if type(v).__name__ == "StreamDoor"][0]
    for s in list(door._open): s._request.transport.abort()
