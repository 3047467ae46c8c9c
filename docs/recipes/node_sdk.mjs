/* Transcribe a recording with the official Node SDK, as a job and live: node node_sdk.mjs FILE.wav (16-bit samples, mono).

   Install @soniox/node and set SONIOX_API_KEY. SONIOX_API_BASE_URL and SONIOX_WS_URL name another service, such as the
   stand-in; the SDK reads them by itself. Node 20 needs the option --experimental-websocket, later versions do not. */

import { readFileSync } from "node:fs";
import { SonioxNodeClient } from "@soniox/node";

const recording = readFileSync(process.argv[2]);
const client = new SonioxNodeClient();

const job = await client.stt.transcribe({
  model: "stt-async-v6", file: recording, filename: "recording.wav", wait: true, cleanup: ["file", "transcription"],
});
console.log(`job: ${job.transcript.text}`);

const session = client.realtime.stt({ model: "stt-rt-v6", audio_format: "wav", enable_endpoint_detection: true });
session.on("result", ({ tokens }) => {
  for (const { text } of tokens.filter((token) => token.is_final)) process.stdout.write(text);
});
await session.connect();
process.stdout.write("live: ");
for (let start = 0; start < recording.length; start += 3200) {
  session.sendAudio(recording.subarray(start, start + 3200));
  await new Promise((resolve) => setTimeout(resolve, 100)); // 100 ms of audio at 16 kHz
}
await session.finish();
console.log();
