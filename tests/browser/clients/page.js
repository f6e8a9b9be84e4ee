// What runs in the browser: every client behind one face, so that each is asked the same things.
//
// unary(base, request, options) → { payload, headers }          options: timeout (ms), signal
// stream(base, request, options, heard) → once it has ended
// Both throw { code, message, metadata }: a gRPC code, and what came along in lower case.

import { connectClient, connectGrpcWeb } from "./connect.js";
import { googleBinary, googleText } from "./google.js";
import { improbable } from "./improbable.js";
import { nice } from "./nice.js";
import { timoBinary, timoText } from "./timo.js";

const clients = {
  "connect-web, grpc-web": connectGrpcWeb,
  "connect-web, connect": connectClient,
  "protobuf-ts, binary": timoBinary,
  "protobuf-ts, text": timoText,
  "nice-grpc-web": nice,
  "grpc-web, binary": googleBinary,
  "grpc-web, text": googleText,
};

const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (text) => new TextEncoder().encode(text);

/** What a call came to, as something that a test can be handed. */
async function outcome(call) {
  try {
    return { ok: await call() };
  } catch (error) {
    if (typeof error.code !== "number") throw error;
    return { code: error.code, message: error.message, metadata: error.metadata };
  }
}

globalThis.names = Object.keys(clients);

globalThis.unary = (name, base, { payload = "", ...request }, options = {}) =>
  outcome(async () => {
    const answer = await clients[name].unary(base, { ...request, payload: bytes(payload) }, options);
    return { payload: text(answer.payload), headers: answer.headers };
  });

/** Streams to its end, or gives up after `leaveAfter` messages. */
globalThis.stream = (name, base, request, { leaveAfter, ...options } = {}) =>
  (async () => {
    const heard = [];
    const leaving = new AbortController();
    const result = await outcome(() =>
      clients[name].stream(base, request, { ...options, signal: leaving.signal }, ({ sequence }) => {
        heard.push(Number(sequence));
        if (heard.length === leaveAfter) leaving.abort();
      }),
    );
    return { ...result, heard };
  })();

/** Both directions over WebSocket: sends each payload once the one before has come back. */
globalThis.exchange = (base, payloads) =>
  outcome(() => improbable.exchange(base, payloads.map(bytes)).then((all) => all.map(text)));
