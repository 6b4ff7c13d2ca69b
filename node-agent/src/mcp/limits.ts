// Bounds on what an MCP server of others may do to a node: each is a reason to cut it off, and is said in words.

/** Bytes of one message: thirty times what a model of a Pi reads. */
export const maxMessageBytes = 1024 * 1024;
/** Bytes of one answer over HTTP, with all that is said before the result. */
export const maxAnswerBytes = 4 * 1024 * 1024;
/** Tools of one server: a small model chooses badly among more. */
export const maxServerTools = 64;
/** Characters of the schema of a tool's arguments. */
export const maxSchemaChars = 16 * 1024;
/** Levels of it. */
export const maxSchemaDepth = 12;
/** Characters of a description, which each prompt has. */
export const maxDescriptionChars = 1_000;
/** Characters of a result that the model is given. */
export const maxResultChars = 32 * 1024;
/** Calls of one server at once. */
export const maxCalls = 8;
/** Until it has said hello and named its tools. */
export const connectMs = 10_000;
/** Until a call is answered. */
export const callMs = 60_000;
/** How long a turn waits for a server that it has not heard of yet. */
export const firstLookMs = 3_000;
/** The age at which the list of tools is asked for again, beside what goes on. */
export const freshMs = 5 * 60_000;
/** A server that nobody uses for so long is let go. */
export const idleMs = 10 * 60_000;
/** After so many faults one after the other it is left alone for longer. */
export const maxFaults = 3;
/** After so long without a fault they are counted from the beginning. */
export const calmMs = 5 * 60_000;
export const shortPauseMs = 5_000;
export const longPauseMs = 10 * 60_000;
/** Where nobody answers: asking costs next to nothing, and a server that restarts is back soon. */
export const awayPauseMs = 30_000;
