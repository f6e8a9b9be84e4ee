// One call in the words of each client, ready to be pasted into a shell or a program.

import type { Method } from "./schema";

/** Whom a call can be copied for. */
export const CLIENTS = {
  curl: "curl",
  grpcurl: "grpcurl",
  buf: "buf curl",
  typescript: "TypeScript",
} as const;

/** One of them. */
export type Client = keyof typeof CLIENTS;

/** A call to be copied. */
export interface Copied {
  readonly method: Method;
  /** The request as JSON; for a stream of the caller's, a line each. */
  readonly body: string;
  readonly metadata: readonly (readonly [string, string])[];
  readonly timeoutMs: number | undefined;
  /** Where the gateway is. */
  readonly origin: string;
}

/** The call as the client wants it. */
export function copyFor(client: Client, call: Copied): string {
  return { curl, grpcurl, buf, typescript }[client](call);
}

function curl({ method, body, metadata, timeoutMs, origin }: Copied): string {
  const kind = method.clientStreaming ? "application/x-ndjson" : "application/json";
  return lines([
    `curl${method.serverStreaming ? " -N" : ""} ${quoted(`${origin}/api${method.path}`)}`,
    `-H ${quoted(`content-type: ${kind}`)}`,
    ...(method.serverStreaming ? [`-H ${quoted("accept: application/x-ndjson")}`] : []),
    ...(timeoutMs ? [`-H ${quoted(`grpc-timeout: ${timeoutMs}m`)}`] : []),
    ...metadata.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `--data-binary ${quoted(compact(body, method))}`,
  ]);
}

function grpcurl({ method, body, metadata, timeoutMs, origin }: Copied): string {
  const { protocol, host } = new URL(origin);
  const address = /:\d+$/.test(host) ? host : `${host}:${protocol === "https:" ? 443 : 80}`;
  const call = lines([
    `grpcurl${protocol === "https:" ? "" : " -plaintext"} -protoset lyceum.binpb`,
    ...(timeoutMs ? [`-max-time ${timeoutMs / 1000}`] : []),
    ...metadata.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `-d ${quoted(compact(body, method))}`,
    `${address} ${method.path.slice(1)}`,
  ]);
  return `buf build -o lyceum.binpb\n${call}`;
}

function buf({ method, body, metadata, timeoutMs, origin }: Copied): string {
  return lines([
    `buf curl --schema . --protocol ${method.clientStreaming ? "grpc --http2-prior-knowledge" : "grpcweb"}`,
    ...(timeoutMs ? [`-H ${quoted(`grpc-timeout: ${timeoutMs}m`)}`] : []),
    ...metadata.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `-d ${quoted(compact(body, method))}`,
    quoted(`${origin}${method.path}`),
  ]);
}

function typescript({ method, body, metadata, timeoutMs, origin }: Copied): string {
  const parts = method.service.split(".");
  const service = parts.pop() ?? "";
  // The generator names a file after the folder before the version, as every contract here does.
  const file = parts.at(-2) ?? parts.at(-1) ?? "";
  const call = method.name.charAt(0).toLowerCase() + method.name.slice(1);
  const options = [
    ...(metadata.length > 0 ? [`headers: ${JSON.stringify(Object.fromEntries(metadata))}`] : []),
    ...(timeoutMs ? [`timeoutMs: ${timeoutMs}`] : []),
  ];
  const more = options.length > 0 ? `, { ${options.join(", ")} }` : "";
  const request = `fromJson(${method.inputType.split(".").at(-1)}Schema, ${method.clientStreaming ? "{}" : indented(body)})`;
  const head = [
    `import { fromJson } from "@bufbuild/protobuf";`,
    `import { createClient } from "@connectrpc/connect";`,
    `import { createGrpcWebTransport } from "@connectrpc/connect-web";`,
    `import { ${method.inputType.split(".").at(-1)}Schema, ${service} } from "./generated/${parts.join("/")}/${file}_pb";`,
    "",
    `const client = createClient(${service}, createGrpcWebTransport({ baseUrl: ${JSON.stringify(origin)} }));`,
  ];
  const told = method.serverStreaming
    ? [`for await (const message of client.${call}(${request}${more})) {`, "  console.log(message);", "}"]
    : [`console.log(await client.${call}(${request}${more}));`];
  return [...head, ...told].join("\n");
}

/** JSON without the spaces that only people need; what is none stays as it was typed. */
function compact(body: string, method: Method): string {
  const one = (text: string) => {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      return text;
    }
  };
  return method.clientStreaming ? body.split("\n").filter(Boolean).map(one).join("\n") : one(body);
}

function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function lines(parts: readonly string[]): string {
  return parts.join(" \\\n  ");
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
