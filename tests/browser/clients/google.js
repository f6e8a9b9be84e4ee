// grpc-web, the first of them, binary and text.

import { GrpcWebClientBase, MethodDescriptor, MethodType } from "grpc-web";
import { GET, WATCH } from "./definitions.js";

const described = ({ path, encode, decode }, type) => new MethodDescriptor(path, type, Object, Object, encode, decode);

const get = described(GET, MethodType.UNARY);
const watch = described(WATCH, MethodType.SERVER_STREAMING);

/** The library writes its deadline, a moment, as `grpc-timeout`. */
const metadata = (timeout) => (timeout ? { deadline: String(Date.now() + timeout) } : {});

function over(format) {
  const client = () => new GrpcWebClientBase({ format });
  return {
    unary: (base, request, { timeout }) =>
      new Promise((resolve, reject) => {
        let headers = {};
        const answered = (error, answer) =>
          error ? reject(told(error)) : resolve({ payload: answer.payload, headers });
        const call = client().rpcCall(base + GET.path, request, metadata(timeout), get, answered);
        call.on("metadata", (given) => {
          headers = given;
        });
      }),
    stream: (base, request, { timeout, signal }, heard) =>
      new Promise((resolve, reject) => {
        const call = client().serverStreaming(base + WATCH.path, request, metadata(timeout), watch);
        signal?.addEventListener("abort", () => {
          call.cancel();
          // It says nothing of its own leaving.
          reject({ code: 1, message: "cancelled", metadata: {} });
        });
        call.on("data", heard);
        call.on("error", (error) => reject(told(error)));
        call.on("end", () => resolve());
      }),
  };
}

const told = ({ code, message, metadata }) => ({ code, message, metadata });

export const googleBinary = over("binary");
export const googleText = over("text");
