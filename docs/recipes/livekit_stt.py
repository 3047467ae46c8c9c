"""Transcribe a recording with the Soniox plugin of LiveKit Agents: livekit_stt.py FILE.wav (16-bit samples, mono).

Install livekit-plugins-soniox and set SONIOX_API_KEY. SONIOX_WS_URL names another service, such as the stand-in. In an
agent, pass the same `soniox.STT` as AgentSession(stt=...); LiveKit then hands over the audio of the room.
"""

import asyncio
import os
import sys
import wave

import aiohttp
from livekit import rtc
from livekit.agents.stt import SpeechEventType, SpeechStream
from livekit.plugins import soniox

FRAME_MS = 20
PAUSE_S = 3  # the plugin cannot end the audio: in a pause, the service reports that the last utterance has ended


async def main(path: str) -> None:
    """Stream the recording at its own speed, and print each utterance when it has ended."""
    with wave.open(path) as file:
        rate = file.getframerate()
        recording = file.readframes(file.getnframes())
    async with aiohttp.ClientSession() as http_session:
        speech_to_text = soniox.STT(
            base_url=os.environ.get("SONIOX_WS_URL", "wss://stt-rt.soniox.com/transcribe-websocket"),
            http_session=http_session,  # an agent has one already
            params=soniox.STTOptions(model="stt-rt-v6", language_hints=["en"], sample_rate=rate),
        )
        is_complete = asyncio.Event()  # set while no utterance is going on
        is_complete.set()
        async with speech_to_text.stream() as stream:
            sending = asyncio.create_task(send(recording + bytes(PAUSE_S * rate * 2), rate, stream, is_complete))
            async for event in stream:
                if event.type == SpeechEventType.START_OF_SPEECH:
                    is_complete.clear()
                elif event.type == SpeechEventType.FINAL_TRANSCRIPT:
                    print(event.alternatives[0].text.strip(), flush=True)
                elif event.type == SpeechEventType.END_OF_SPEECH:
                    is_complete.set()
            await sending


async def send(samples: bytes, rate: int, stream: SpeechStream, is_complete: asyncio.Event) -> None:
    """Hand over the samples frame by frame, as a room does, and close the stream after the last utterance."""
    size = rate * FRAME_MS // 1000 * 2
    for start in range(0, len(samples), size):
        frame = samples[start : start + size]
        stream.push_frame(rtc.AudioFrame(frame, rate, 1, len(frame) // 2))
        await asyncio.sleep(FRAME_MS / 1000)
    await is_complete.wait()
    await stream.aclose()


asyncio.run(main(sys.argv[1]))
