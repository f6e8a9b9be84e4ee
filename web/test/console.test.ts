import { describe, expect, it } from "vitest";
import { metadataOf, wrongOf } from "../src/console/calling";
import { copyFor, quoted } from "../src/console/copying";
import { read, type Shape } from "../src/console/schema";
import { beginning, decode, encode, entryOf, flowing, numberOf } from "../src/console/shapes";

const types = new Map<string, Shape>([
  [
    "own.Tree",
    {
      type: "object",
      "x-order": ["left", "kind", "byName"],
      properties: {
        byName: { type: "string", "x-oneof": "key" },
        left: { $ref: "#/types/own.Tree", description: "The left one." },
        kind: { $ref: "#/types/own.Kind", not: { enum: ["KIND_UNSPECIFIED"] } },
      },
      required: ["kind"],
    },
  ],
  [
    "own.Kind",
    { type: "string", enum: ["KIND_UNSPECIFIED", "KIND_OAK"], description: "What it is.\n- KIND_OAK: An oak: tall." },
  ],
]);

describe("a form is made of the type", () => {
  it("reads messages, also those that hold themselves", () => {
    const entry = entryOf({ $ref: "#/types/own.Tree" }, types);
    if (entry.kind !== "message") throw new Error(entry.kind);
    expect(entry.type).toBe("own.Tree");
    expect(entry.properties.map(({ name, required, oneof }) => [name, required, oneof])).toEqual([
      ["left", false, ""],
      ["kind", true, ""],
      ["byName", false, "key"],
    ]);
    expect(entryOf(entry.properties[0]?.shape ?? {}, types).kind).toBe("message");
  });

  it("offers only what may be chosen, with its meaning", () => {
    const entry = entryOf(
      { $ref: "#/types/own.Kind", not: { enum: ["KIND_UNSPECIFIED"] }, description: "Which one." },
      types,
    );
    expect(entry).toEqual({ kind: "choice", choices: [{ value: "KIND_OAK", meaning: "An oak: tall." }] });
  });

  it.each([
    [{ type: "string" }, "text", ""],
    [{ type: "string", contentEncoding: "base64" }, "bytes", ""],
    [{ type: "integer", minimum: 0 }, "number", 0],
    [{ type: ["string", "integer"], pattern: "^-?[0-9]+$" }, "number", "0"],
    [{ type: ["number", "string"], pattern: "^(NaN|-?Infinity)$" }, "number", 0],
    [{ type: "boolean" }, "flag", false],
    [{ type: "array", items: { type: "string" } }, "list", []],
    [{ type: "object", additionalProperties: { type: "string" } }, "map", {}],
    [{ type: "object" }, "anything", {}],
    [{}, "anything", {}],
  ])("asks for %o as %s", (shape, kind, first) => {
    expect(entryOf(shape, types).kind).toBe(kind);
    expect(beginning(shape, types)).toEqual(first);
  });

  it("loses no digit and hides no mistake", () => {
    const wide = { kind: "number", whole: true, wide: true } as const;
    const small = { kind: "number", whole: true, wide: false } as const;
    expect(numberOf("9007199254740993", wide)).toBe("9007199254740993");
    expect(numberOf(" 7 ", small)).toBe(7);
    expect(numberOf("7.5", small)).toBe("7.5");
    expect(numberOf("", small)).toBeUndefined();
  });

  it("lets a comment flow, and its lists stand", () => {
    expect(flowing("One\ntwo.\n\nThree:\n- four\n- five\nsix")).toBe("One two.\n\nThree:\n- four\n- five six");
  });

  it("writes bytes as text where they are text", () => {
    expect(decode(encode("grün 🌳"))).toBe("grün 🌳");
    expect(decode("/w==")).toBeUndefined();
  });
});

describe("the gateway's schema", () => {
  it("is read however little there is", () => {
    expect(read(null)).toMatchObject({ state: "known", services: [] });
    const { services } = read({
      services: [{ name: "a.B", methods: [{ name: "C", path: "/a.B/C", access: ["anyone"] }] }],
    });
    expect(services[0]?.methods[0]).toMatchObject({ service: "a.B", path: "/a.B/C", access: ["anyone"], input: {} });
  });
});

describe("what comes and goes along", () => {
  it("is read line by line", () => {
    expect(metadataOf("X-One: 1\nnonsense\n two : b: c\n")).toEqual([
      ["x-one", "1"],
      ["two", "b: c"],
    ]);
  });

  it("says what went wrong", () => {
    const body = JSON.stringify({
      code: 3,
      message: "text is too short",
      details: [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "INPUT_INVALID" },
        {
          "@type": "type.googleapis.com/google.rpc.BadRequest",
          fieldViolations: [{ field: "text", description: "is too short" }],
        },
      ],
    });
    expect(wrongOf(body)).toEqual({
      code: "INVALID_ARGUMENT",
      reason: "INPUT_INVALID",
      message: "text is too short",
      violations: [{ field: "text", description: "is too short" }],
    });
    expect(wrongOf("<html>").message).toBe("<html>");
  });
});

describe("a call in other words", () => {
  const method = {
    name: "AnalyzeWriting",
    service: "lyceum.writing_analysis.v1.WritingAnalysisService",
    path: "/lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting",
    comment: "",
    deprecated: false,
    clientStreaming: false,
    serverStreaming: false,
    idempotency: "no_side_effects",
    access: [],
    input: {},
    inputType: "lyceum.writing_analysis.v1.AnalyzeWritingRequest",
    outputType: "lyceum.writing_analysis.v1.AnalyzeWritingResponse",
  };
  const call = {
    method,
    body: '{\n  "text": "It\'s me."\n}',
    metadata: [["x-mine", "1"]] as const,
    timeoutMs: 2_000,
    origin: "http://127.0.0.1:8080",
  };

  it("keeps a shell from reading into it", () => {
    expect(quoted("it's")).toBe("'it'\\''s'");
    const text = copyFor("curl", call);
    expect(text).toContain("--data-binary '{\"text\":\"It'\\''s me.\"}'");
    expect(text).toContain("-H 'x-mine: 1'");
    expect(text).toContain("-H 'grpc-timeout: 2000m'");
    expect(text).toContain(
      "'http://127.0.0.1:8080/api/lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting'",
    );
  });

  it("says it to grpcurl, buf and TypeScript", () => {
    expect(copyFor("grpcurl", call)).toContain("-plaintext -protoset lyceum.binpb");
    expect(copyFor("grpcurl", call)).toMatch(/127\.0\.0\.1:8080 lyceum\.writing_analysis\S+\/AnalyzeWriting$/);
    expect(copyFor("grpcurl", { ...call, origin: "https://school.example" })).toContain("school.example:443");
    expect(copyFor("buf", call)).toContain("--protocol grpcweb");
    const typescript = copyFor("typescript", call);
    expect(typescript).toContain("./generated/lyceum/writing_analysis/v1/writing_analysis_pb");
    expect(typescript).toContain("client.analyzeWriting(fromJson(AnalyzeWritingRequestSchema,");
    expect(copyFor("typescript", { ...call, method: { ...method, serverStreaming: true } })).toContain("for await");
  });
});
