// Consolidation of an agent's memory: marks say that two entries say the same, that a later one replaces an earlier one, or that two contradict
// each other; summaries say in a few sentences what several entries say. A run finds them; the agent's node writes them as entries of
// their own. Nothing else is changed or removed, and a run can be taken back. [decision 37]
import { maxRunEntries, maxRunResults, maxSummarySources } from './consolidation-limits.ts';
import { AgentName, Hash, Seq, TimeMs } from './ids.ts';
import { markWays } from './memory-words.ts';
import { type Static, Type } from './typebox.ts';

const runIdForm = { pattern: '^[0-9a-z]{1,40}$' };
export const RunId = Type.String({ ...runIdForm, description: 'Of a run of consolidation.' });

/** An entry of the same log. */
const Marked = Type.Object({ seq: Seq, hash: Hash });

export const MemoryMark = Type.Object(
  {
    run: RunId,
    how: Type.OneOf([...markWays, 'summary'], {
      description:
        'same: `of` says what the later `by` says, too; replaced: `by` says what holds now in place of `of`; contradicts: they cannot both be true; summary: the text says what the entries of `derivedFrom` say.',
    }),
    model: Type.Nullable(Type.String({ maxLength: 200, description: 'Null: found by words and vectors alone.' })),
    of: Type.Optional(Marked),
    by: Type.Optional(Marked),
  },
  { description: 'What a run of consolidation found. Of the kinds `mark` and `summary`.' },
);
export type MemoryMark = Static<typeof MemoryMark>;

/** One thing that a run found, with the texts, for people. */
export const RunResult = Type.Object({
  how: MemoryMark.properties.how,
  model: MemoryMark.properties.model,
  sources: Type.Array(Type.Object({ seq: Seq, text: Type.String() }), {
    maxItems: maxSummarySources,
    description:
      'Of a mark: the entry that it marks, and the one that it is marked by. The beginning of their texts; empty: erased since.',
  }),
  text: Type.Optional(Type.String({ description: 'Of a summary.' })),
});
export type RunResult = Static<typeof RunResult>;

const Count = Type.Integer({ minimum: 0 });
export const RunCounts = Type.Object({ same: Count, replaced: Count, contradicts: Count, summary: Count });
export type RunCounts = Static<typeof RunCounts>;

export const RunState = Type.OneOf(['writing', 'written', 'undoing', 'undone'], {
  description:
    'writing: its node has not written all of it; undoing: it was taken back, and its node has not erased what it wrote.',
});
export type RunState = Static<typeof RunState>;

/** A run as lists show it. */
export const MemoryRun = Type.Object({
  id: RunId,
  agent: AgentName,
  by: Type.String({ description: 'The key that asked for it, or the coordinator.' }),
  atMs: TimeMs,
  model: Type.Nullable(Type.String({ description: 'That was asked. Null: none was.' })),
  entries: Type.Integer({ minimum: 0, maximum: maxRunEntries, description: 'Memories that were looked at.' }),
  tokens: Count,
  refused: Type.Integer({
    minimum: 0,
    description: 'Answers of the model that were not of the form that was asked for.',
  }),
  counts: RunCounts,
  results: Type.Integer({ minimum: 0, maximum: maxRunResults }),
  written: Type.Integer({ minimum: 0, maximum: maxRunResults, description: 'Of the results.' }),
  state: RunState,
});
export type MemoryRun = Static<typeof MemoryRun>;

export const RunAnswer = Type.Object({
  run: Type.Nullable(MemoryRun, {
    description: 'Null: it was only shown, or there was nothing to write.',
  }),
  entries: Type.Integer({ description: 'Memories that were looked at.' }),
  model: MemoryRun.properties.model,
  tokens: Count,
  refused: MemoryRun.properties.refused,
  results: Type.Array(RunResult, { maxItems: maxRunResults }),
  shown: Type.Nullable(RunId, {
    description: 'By it exactly this is written, within an hour. Null: it is written, or there was nothing to write.',
  }),
});
export type RunAnswer = Static<typeof RunAnswer>;

export const RunRequest = Type.Object(
  {
    dryRun: Type.Optional(Type.Boolean({ description: 'Only show what it would write.' })),
    shown: Type.Optional(
      Type.String({
        ...runIdForm,
        description: 'Write exactly what an answer to `dryRun` showed. Neither `dryRun` nor `model` goes with it.',
      }),
    ),
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'A chat model, or a tier such as `auto`, that is asked when nobody else needs it, and only where it costs nothing. Missing: words and vectors alone.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RunRequest = Static<typeof RunRequest>;
