// The levels and names of the ai-validator contract, in the page's words.

import {
  AccessLevel,
  AssistanceRule,
  BloomLevel,
  WritingStage,
} from "../generated/lyceum/ai_validator/v1/ai_validator_pb";

/** Bloom's revised taxonomy (Anderson & Krathwohl 2001), lowest first. */
export const BLOOM = [
  { level: BloomLevel.REMEMBER, name: "Remember", about: "retrieve from memory" },
  { level: BloomLevel.UNDERSTAND, name: "Understand", about: "make meaning of it" },
  { level: BloomLevel.APPLY, name: "Apply", about: "carry out a procedure" },
  { level: BloomLevel.ANALYSE, name: "Analyse", about: "take apart and relate" },
  { level: BloomLevel.EVALUATE, name: "Evaluate", about: "judge by criteria" },
  { level: BloomLevel.CREATE, name: "Create", about: "put together something new" },
];

/** A level's name. */
export function bloomName(level: BloomLevel): string {
  return BLOOM.find((step) => step.level === level)?.name ?? "No level";
}

/** How much help, least first. */
export const ACCESS = [
  { level: AccessLevel.REFLECT_FIRST, name: "Reflect first", about: "no AI help yet" },
  { level: AccessLevel.QUESTIONS, name: "Questions", about: "it may ask you things" },
  { level: AccessLevel.HINTS, name: "Hints", about: "it may say where to look" },
  { level: AccessLevel.DIALOGUE, name: "Dialogue", about: "it may talk about your own text" },
];

/** Where a writer is. */
export const STAGES = [
  { stage: WritingStage.BRAINSTORM, name: "Collecting ideas" },
  { stage: WritingStage.DRAFT, name: "First draft" },
  { stage: WritingStage.REVISE, name: "Revising" },
  { stage: WritingStage.EDIT, name: "Polishing" },
];

/** The bounds of help, as names. */
export const RULES: Partial<Record<AssistanceRule, string>> = {
  [AssistanceRule.ASKS_BEFORE_TELLING]: "Ask before telling",
  [AssistanceRule.NO_SUBMITTABLE_TEXT]: "Nothing to hand in",
  [AssistanceRule.NO_DICTATION]: "No dictation",
  [AssistanceRule.NO_REWRITING]: "No rewriting",
  [AssistanceRule.NO_ANSWER]: "No answer to the task",
  [AssistanceRule.FITS_STAGE]: "Fits the stage",
  [AssistanceRule.JUDGES_WORK_NOT_PERSON]: "The work, not the person",
};
