// @protobuf-ts/grpcweb-transport, binary and text.

import { GrpcStatusCode, GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { ProbeServiceClient } from "./generated/ts/lyceum/testing/v1/probe.client";

function over(format) {
  const client = (baseUrl) => new ProbeServiceClient(new GrpcWebFetchTransport({ baseUrl, format }));
  return {
    async unary(base, request, { timeout }) {
      try {
        const call = await client(base).getProbe(whole(request), { timeout });
        return { payload: call.response.payload, headers: call.headers };
      } catch (error) {
        thrown(error);
      }
    },
    async stream(base, request, { timeout, signal }, heard) {
      try {
        const call = client(base).watchProbe(whole(request), { timeout, abort: signal });
        for await (const message of call.responses) heard(message);
        await call.status;
      } catch (error) {
        thrown(error);
      }
    },
  };
}

/** Every field is there in this library's messages. */
function whole(request) {
  const empty = { payload: new Uint8Array(), delayMilliseconds: 0, failWith: 0, forwardTo: "" };
  return { ...empty, count: 0, intervalMilliseconds: 0, payloadBytes: 0, ...request };
}

function thrown(error) {
  if (!(error instanceof RpcError)) throw error;
  throw { code: GrpcStatusCode[error.code], message: decodeURIComponent(error.message), metadata: error.meta };
}

export const timoBinary = over("binary");
export const timoText = over("text");
