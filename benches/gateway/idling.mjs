// Streams that are held open and say nothing, as many as asked for, over HTTP/2 without TLS; and what they cost.

import { connect } from "node:http2";
import { usage } from "./load.mjs";

/** Fewer than any edge allows on one connection. */
const STREAMS = 90;

/** Opens `count` streams; resolves once every one has its headers. */
async function hold({ port }, { path, headers, body }, count) {
  const sessions = [];
  const opened = [];
  for (let left = count; left > 0; left -= STREAMS) {
    const session = connect(`http://127.0.0.1:${port}`);
    sessions.push(session);
    session.on("error", () => {});
    for (let stream = 0; stream < Math.min(left, STREAMS); stream++) {
      const call = session.request({ ":method": "POST", ":path": path, ...headers });
      opened.push(
        new Promise((resolve, reject) => {
          call.once("response", (answer) =>
            answer[":status"] === 200 && (answer["grpc-status"] ?? "0") === "0"
              ? resolve()
              : reject(new Error(`status ${answer[":status"]}, grpc-status ${answer["grpc-status"]}: ${answer["grpc-message"]}`)),
          );
          call.once("error", reject);
        }),
      );
      call.end(body);
    }
    // A few connections at a time: what is measured is what is held, not how fast it comes.
    if (sessions.length % 4 === 0) await Promise.all(opened);
  }
  await Promise.all(opened);
  return () => {
    for (const session of sessions) session.destroy();
  };
}

/** KB of the edge's memory for each of `count` idle streams. */
export async function memory(edge, request, count) {
  const before = usage(edge.pid).memory;
  const release = await hold(edge, request, count);
  const during = usage(edge.pid).memory;
  release();
  return { each: ((during - before) * 1024) / count, before, during };
}
