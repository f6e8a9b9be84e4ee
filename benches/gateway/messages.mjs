// Requests as they go over the wire, and what a good answer looks like.

export const PROBE = "/lyceum.testing.v1.ProbeService";
export const VALIDATOR = "/lyceum.ai_validator.v1.EducationalAiValidatorService";

const BINARY = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
const TEXT = { "content-type": "application/grpc-web-text+proto", accept: "application/grpc-web-text+proto", "x-grpc-web": "1" };

function varint(number) {
  const bytes = [];
  for (; number > 127; number = Math.floor(number / 128)) bytes.push((number % 128) + 128);
  return Buffer.from([...bytes, number]);
}

const bytesField = (tag, bytes) => Buffer.concat([varint(tag * 8 + 2), varint(bytes.length), bytes]);
const numberField = (tag, number) => Buffer.concat([varint(tag * 8), varint(number)]);

function framed(message) {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

const asText = (frame) => Buffer.from(frame.toString("base64"));

/** Base64 that was padded wherever a message ended. */
function decoded(text) {
  const groups = text.toString("latin1").match(/.{4}/g) ?? [];
  return Buffer.concat(groups.map((group) => Buffer.from(group, "base64")));
}

const ended = (bytes) => bytes.includes("grpc-status:0");

/** GetProbe with a payload that comes back: grpc-web, binary. */
export function unary(size) {
  const body = framed(bytesField(1, Buffer.alloc(size, 0x61)));
  return { path: `${PROBE}/GetProbe`, headers: BINARY, body, good: (bytes) => ended(bytes) && bytes.length > size };
}

/** The same in base64. */
export function unaryText(size) {
  const { path, body, good } = unary(size);
  return { path, headers: TEXT, body: asText(body), good: (bytes) => good(decoded(bytes)) };
}

/** WatchProbe: `count` messages of `size` bytes as fast as they come, in base64. */
export function streamText(count, size) {
  const body = framed(Buffer.concat([numberField(1, count), numberField(3, size)]));
  const good = (bytes) => ended(decoded(bytes)) && decoded(bytes).length > count * size;
  return { path: `${PROBE}/WatchProbe`, headers: TEXT, body: asText(body), good };
}

/** A stream that says nothing for a minute at a time. */
export function idle() {
  return { path: `${PROBE}/WatchProbe`, headers: BINARY, body: framed(numberField(2, 60_000)) };
}

/** An answer that takes this long. */
export function slow(milliseconds) {
  return { path: `${PROBE}/GetProbe`, headers: BINARY, body: framed(numberField(2, milliseconds)) };
}

/** GetProbe as JSON; `prefix` is where JSON is taken. */
export function json(prefix, size) {
  const body = Buffer.from(JSON.stringify({ payload: Buffer.alloc(size, 0x61).toString("base64"), failWith: 0 }));
  const good = (bytes) => JSON.parse(bytes).payload.length >= size;
  return { path: `${prefix}${PROBE}/GetProbe`, headers: { "content-type": "application/json" }, body, good };
}
