"""Transcribe a recording with the Soniox service of Pipecat: pipecat_stt.py FILE.wav (16-bit samples, mono).

Install pipecat-ai[soniox] and set SONIOX_API_KEY. SONIOX_WS_URL names another service, such as the stand-in. In a bot,
the same `SonioxSTTService` stands behind transport.input().
"""

import asyncio
import os
import sys
import wave

from pipecat.frames.frames import EndFrame, Frame, InputAudioRawFrame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.soniox.stt import SonioxSTTService
from pipecat.transcriptions.language import Language
from pipecat.workers.runner import WorkerRunner

FRAME_MS = 20
PAUSE_S = 3  # Pipecat does not wait for the last words: in a pause, the service reports that the utterance has ended


class Printer(FrameProcessor):
    """The end of the pipeline, which prints each utterance."""

    def __init__(self) -> None:
        super().__init__()
        self.is_complete = asyncio.Event()  # set while no utterance is going on
        self.is_complete.set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            print(frame.text.strip(), flush=True)
            self.is_complete.set()
        elif isinstance(frame, InterimTranscriptionFrame):
            self.is_complete.clear()
        await self.push_frame(frame, direction)


async def main(path: str) -> None:
    """Stream the recording at its own speed through a pipeline."""
    with wave.open(path) as file:
        rate = file.getframerate()
        samples = file.readframes(file.getnframes())
    speech_to_text = SonioxSTTService(
        api_key=os.environ["SONIOX_API_KEY"],
        url=os.environ.get("SONIOX_WS_URL", "wss://stt-rt.soniox.com/transcribe-websocket"),
        vad_force_turn_endpoint=False,  # the service decides when an utterance has ended
        settings=SonioxSTTService.Settings(model="stt-rt-v6", language_hints=[Language.EN]),
    )
    printer = Printer()
    worker = PipelineWorker(
        Pipeline([speech_to_text, printer]), params=PipelineParams(audio_in_sample_rate=rate), enable_rtvi=False
    )

    @worker.event_handler("on_pipeline_started")
    async def send(worker: PipelineWorker, frame: Frame) -> None:
        size = rate * FRAME_MS // 1000 * 2
        with_pause = samples + bytes(PAUSE_S * rate * 2)
        for start in range(0, len(with_pause), size):
            await worker.queue_frame(InputAudioRawFrame(with_pause[start : start + size], rate, 1))
            await asyncio.sleep(FRAME_MS / 1000)
        await printer.is_complete.wait()
        await worker.queue_frame(EndFrame())

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


asyncio.run(main(sys.argv[1]))
