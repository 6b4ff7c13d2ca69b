// How an answer came about: what the agent recalled, the tools that it called, and the prompt as its model got it. A node tells it with the
// end of a task whose lease asks for it; long texts in it are cut, so that all of it has at most `maxTraceBytes`.
import { Seq, TimeMs } from './ids.ts';
import { maxTraceBytes } from './limits.ts';
import { DocumentPlace } from './memory-given.ts';
import { type Static, Type } from './typebox.ts';

const Cut = (description: string) => Type.String({ maxLength: maxTraceBytes, description });

export const TaskTrace = Type.Object({
  recalled: Type.Array(
    Type.Object({
      seq: Seq,
      kind: Type.String({ maxLength: 40 }),
      text: Cut('The memory.'),
      createdAt: TimeMs,
      document: Type.Optional(DocumentPlace),
      agent: Type.Optional(
        Type.String({ maxLength: 63, description: 'Whose memory it is, where it is of another agent that shares it.' }),
      ),
      score: Type.Number({ description: 'How well it fits the question, by the measure of the search.' }),
    }),
    {
      maxItems: 64,
      description: 'Memories that fit the question, best first; `usage.recalled` of them fit the prompt.',
    },
  ),
  shared: Type.Optional(
    Type.OneOf(['searched', 'away', 'late', 'busy'], {
      description:
        'What became of the look into the memories that others share: done; the coordinator is away; it did not answer in time; it has too many such questions. Missing: the agent shares none, or an older node.',
    }),
  ),
  calls: Type.Array(
    Type.Object({
      name: Type.String({ maxLength: 60 }),
      arguments: Cut('As JSON.'),
      answer: Cut('What the tool answered.'),
      tookMs: Type.Number({ minimum: 0 }),
    }),
    { maxItems: 64, description: 'Calls of tools, in order.' },
  ),
  messages: Type.Array(
    Type.Object({ role: Type.OneOf(['system', 'user', 'assistant', 'tool']), content: Cut('As the model read it.') }),
    { maxItems: 128, description: 'The first prompt of the turn, as the model got it.' },
  ),
  isCut: Type.Boolean({ description: 'Some texts or lists are cut.' }),
});
export type TaskTrace = Static<typeof TaskTrace>;
