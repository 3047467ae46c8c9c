/* Drives a service with the official Node SDK, which finds it by its environment variables; prints one JSON object.
   Arguments: what to do, the model, and the recording (WAV with a header of 44 bytes, 16 kHz, mono). */

import { readFileSync } from "node:fs";
import { SonioxNodeClient } from "@soniox/node";

const [task, model, path] = process.argv.slice(2);
const client = new SonioxNodeClient();

/** The whole life of a job: upload, create, wait, fetch, list, count, delete. */
async function recording() {
  const file = await client.files.upload(readFileSync(path), { filename: "talk.wav", client_reference_id: "mine" });
  const created = await client.stt.create({ model, file_id: file.id, language_hints: ["en"] });
  const job = await client.stt.wait(created.id, { interval_ms: 1000 });
  const transcript = await client.stt.getTranscript(job.id);
  const listed = [];
  for await (const one of await client.stt.list()) listed.push(one.id);
  const counted = await client.stt.count();
  const models = await client.models.list();
  await job.destroy();
  return {
    filename: file.filename,
    reference: file.client_reference_id,
    status: job.status,
    model: job.model,
    text: transcript.text,
    tokens: transcript.tokens.length,
    isListed: listed.includes(job.id),
    total: counted.total,
    models: models.map(({ id }) => id),
    isGone: (await client.stt.get(job.id)) === null && (await client.files.get(file.id)) === null,
  };
}

/** The same in one call. */
async function oneCall() {
  const job = await client.stt.transcribe({
    model, file: readFileSync(path), filename: "talk.wav", wait: true, wait_options: { interval_ms: 1000 },
    cleanup: ["file", "transcription"],
  });
  return { status: job.status, text: job.transcript.text };
}

/** A live session in pieces of 100 ms, with everything that a client may send. */
async function live() {
  const session = client.realtime.stt({
    model, audio_format: "pcm_s16le", sample_rate: 16000, num_channels: 1, enable_endpoint_detection: true,
  });
  const settled = [];
  const happened = [];
  session.on("result", ({ tokens }) => {
    settled.push(...tokens.filter((token) => token.is_final).map(({ text }) => text));
  });
  for (const name of ["endpoint", "finalized", "finished", "disconnected", "error"]) {
    session.on(name, () => happened.push(name));
  }
  await session.connect();
  const samples = readFileSync(path).subarray(44);
  for (let at = 0; at < samples.length; at += 3200) session.sendAudio(samples.subarray(at, at + 3200));
  session.keepAlive();
  session.finalize();
  await session.finish();
  return { text: settled.join(""), happened };
}

/** A live session with a temporary key. */
async function temporaryKey() {
  const { api_key: key } = await client.auth.createTemporaryKey({
    usage_type: "transcribe_websocket", expires_in_seconds: 60, single_use: true,
  });
  const guest = new SonioxNodeClient({ api_key: key });
  const session = guest.realtime.stt({ model, audio_format: "pcm_s16le", sample_rate: 16000, num_channels: 1 });
  let text = "";
  session.on("result", ({ tokens }) => {
    text += tokens.filter((token) => token.is_final).map((token) => token.text).join("");
  });
  await session.connect();
  session.sendAudio(readFileSync(path).subarray(44));
  await session.finish();
  return { text };
}

/** What a refusal looks like to the SDK. */
async function refusals() {
  const found = {};
  try {
    await client.stt.create({ model: "stt-async-v99", audio_url: "https://host.example/a.wav" });
  } catch (error) {
    found.rest = { name: error.name, status: error.statusCode, code: error.code };
  }
  const session = client.realtime.stt({ model, audio_format: "pcm_s16le", sample_rate: 16000, num_channels: 1 });
  try {
    await session.connect();
    session.sendAudio(readFileSync(path).subarray(44));
    await session.finish();
    found.live = null;
  } catch (error) {
    found.live = { name: error.name, status: error.statusCode, code: error.code };
  }
  return found;
}

const tasks = { recording, oneCall, live, temporaryKey, refusals };
console.log(JSON.stringify(await tasks[task]()));
process.exit(0);
