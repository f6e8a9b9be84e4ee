// The generated clients over grpc-web, to the address the page came from.

import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { EducationalAiValidatorService } from "../generated/lyceum/ai_validator/v1/ai_validator_pb";
import { WritingAnalysisService } from "../generated/lyceum/writing_analysis/v1/writing_analysis_pb";
import { identified } from "../session/session";
import { watching } from "./calls";

const transport = createGrpcWebTransport({
  baseUrl: location.origin,
  interceptors: [watching, identified],
  // Travels as grpc-timeout, so that the fabric stops working when the page stops waiting.
  defaultTimeoutMs: 15_000,
});

/** Measures and findings. */
export const writing = createClient(WritingAnalysisService, transport);

/** Levels of thinking, bounds of help, access. */
export const validator = createClient(EducationalAiValidatorService, transport);
