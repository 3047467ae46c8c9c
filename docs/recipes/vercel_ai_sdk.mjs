/* Transcribe a recording with the Vercel AI SDK and the provider of Soniox: node vercel_ai_sdk.mjs FILE.

   Install ai@6 and @soniox/vercel-ai-sdk-provider, and set SONIOX_API_KEY. SONIOX_API_BASE_URL names another service, such
   as the stand-in. */

import { readFileSync } from "node:fs";
import { createSoniox } from "@soniox/vercel-ai-sdk-provider";
import { experimental_transcribe as transcribe } from "ai";

const soniox = createSoniox({ apiBaseUrl: process.env.SONIOX_API_BASE_URL }); // without it, the service in the US
const { text, segments } = await transcribe({
  model: soniox.transcription("stt-async-v6"),
  audio: readFileSync(process.argv[2]),
  providerOptions: { soniox: { languageHints: ["en"] } },
});
console.log(text);
console.log(`${segments.length} pieces, the last ends at ${segments.at(-1)?.endSecond ?? 0} s`);
