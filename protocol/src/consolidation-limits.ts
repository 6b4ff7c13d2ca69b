// Limits on a run of consolidation, each with its reason.

/** Memories that one run looks at, the newest: half a million pairs of vectors, half a second of one processor. */
export const maxRunEntries = 1_000;
/** Marks and summaries of one run: a node writes them in messages of 32, and a person can still read them. */
export const maxRunResults = 200;
/** Runs that are kept, and can be taken back, of one agent: three weeks of nights. Each takes some 300 bytes of the coordinator's memory. */
export const maxRunsPerAgent = 20;
/** Memories that one summary is of: as many as a small model can read at once. */
export const maxSummarySources = 12;
/** Questions to a model in one run, each with at most `maxSummarySources` memories. */
export const maxRunQuestions = 24;
/** Tokens of one run, prompts and answers together: a night of a Pi at ten a second is 108,000. */
export const maxRunTokens = 40_000;
/** Of a text in the list of results. */
export const shownResultChars = 200;
