// nice-grpc-web.

import { ClientError, createChannel, createClient, Metadata } from "nice-grpc-web";
import { GET, WATCH } from "./definitions.js";

const definition = ({ path, encode, decode }, responseStream) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: encode,
  responseDeserialize: decode,
  options: {},
});

const definitions = { getProbe: definition(GET, false), watchProbe: definition(WATCH, true) };

/** Calls with a time and a signal; what came along with an error is collected, as this library gives it apart. */
async function calling(base, { timeout, signal }, call) {
  const client = createClient(definitions, createChannel(base));
  const seen = {};
  const collect = (metadata) => Object.assign(seen, plain(metadata));
  const late = timeout && AbortSignal.timeout(timeout);
  const signals = [signal, late].filter(Boolean);
  const options = {
    metadata: timeout ? Metadata({ "grpc-timeout": `${timeout}m` }) : undefined,
    signal: signal && AbortSignal.any(signals.filter((each) => each !== late)),
    onHeader: collect,
    onTrailer: collect,
  };
  try {
    return { answer: await call(client, options), headers: seen };
  } catch (error) {
    if (error.name === "AbortError") throw { code: 1, message: "aborted", metadata: seen };
    if (!(error instanceof ClientError)) throw error;
    throw { code: error.code, message: error.details, metadata: seen };
  }
}

const plain = (metadata) =>
  Object.fromEntries(
    [...metadata].map(([name, values]) => [name, values.filter((v) => typeof v === "string").join(", ")]),
  );

export const nice = {
  async unary(base, request, options) {
    const { answer, headers } = await calling(base, options, (client, extra) => client.getProbe(request, extra));
    return { payload: answer.payload, headers };
  },
  async stream(base, request, options, heard) {
    await calling(base, options, async (client, extra) => {
      for await (const message of client.watchProbe(request, extra)) heard(message);
    });
  },
};
