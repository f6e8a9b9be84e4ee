// The probe's methods with their messages as bytes, for clients that bring no messages of their own.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ExchangeProbeRequestSchema,
  ExchangeProbeResponseSchema,
  GetProbeRequestSchema,
  GetProbeResponseSchema,
  WatchProbeRequestSchema,
  WatchProbeResponseSchema,
} from "./generated/es/lyceum/testing/v1/probe_pb.js";

export const SERVICE = "lyceum.testing.v1.ProbeService";

const method = (name, request, response) => ({
  name,
  path: `/${SERVICE}/${name}`,
  encode: (message) => toBinary(request, create(request, message)),
  decode: (bytes) => fromBinary(response, bytes),
});

export const GET = method("GetProbe", GetProbeRequestSchema, GetProbeResponseSchema);
export const WATCH = method("WatchProbe", WatchProbeRequestSchema, WatchProbeResponseSchema);
export const EXCHANGE = method("ExchangeProbe", ExchangeProbeRequestSchema, ExchangeProbeResponseSchema);
