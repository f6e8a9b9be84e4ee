// @connectrpc/connect-web, in both of its tongues.

import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ProbeService } from "./generated/es/lyceum/testing/v1/probe_pb.js";

function over(transport) {
  const client = (baseUrl) => createClient(ProbeService, transport({ baseUrl }));
  return {
    async unary(base, request, { timeout }) {
      let headers;
      const options = { timeoutMs: timeout, onHeader: (given) => (headers = Object.fromEntries(given)) };
      const { payload } = await client(base).getProbe(request, options).catch(thrown);
      return { payload, headers };
    },
    async stream(base, request, { timeout, signal }, heard) {
      try {
        for await (const message of client(base).watchProbe(request, { timeoutMs: timeout, signal })) heard(message);
      } catch (error) {
        thrown(error);
      }
    },
  };
}

function thrown(error) {
  if (!(error instanceof ConnectError)) throw error;
  throw { code: error.code, message: error.rawMessage, metadata: Object.fromEntries(error.metadata) };
}

export const connectGrpcWeb = over(createGrpcWebTransport);
export const connectClient = over(createConnectTransport);
