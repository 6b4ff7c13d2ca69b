// What a flashed Raspberry Pi tells of its first start, while it has no more than its join token to speak with. Perishable: it is shown to who
// flashed it, and never stored.
import { NodeId, PlainName, TimeMs } from './ids.ts';
import { maxFirstBootTextChars } from './limits.ts';
import { type Static, Type } from './typebox.ts';

const closed = { additionalProperties: false };

/** In the order in which they come. What follows the last one the node tells by itself. */
const firstBootSteps = ['started', 'grown', 'set', 'online', 'joining', 'joined'] as const;

const FirstBootStep = Type.Object(
  {
    step: Type.OneOf(firstBootSteps, {
      description:
        'started: it read its personal file; grown: its system fills the card; set: the file holds; online: it reaches the coordinator; joining: it asks for its certificate; joined.',
    }),
    text: Type.Optional(
      Type.String({
        maxLength: maxFirstBootTextChars,
        pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]*$',
        description: 'More of it, for people: how large, which network, what keeps it from joining.',
      }),
    ),
    problem: Type.Optional(Type.Boolean({ description: 'The text says what keeps it from going on.' })),
  },
  closed,
);

export const FirstBootReport = Type.Object(
  {
    board: Type.String({ pattern: '^[0-9a-f]{16}$', description: 'Tells Pis with one token from each other.' }),
    name: PlainName,
    ollama: Type.Optional(Type.Boolean({ description: 'The file asks for it.' })),
    steps: Type.Array(FirstBootStep, {
      minItems: 1,
      maxItems: firstBootSteps.length,
      description: 'All so far, so that a lost report is made up for by the next one.',
    }),
    node: Type.Optional(NodeId),
  },
  closed,
);
export type FirstBootReport = Static<typeof FirstBootReport>;

export const FirstBootView = Type.Object({ ...FirstBootReport.properties, atMs: TimeMs });
export type FirstBootView = Static<typeof FirstBootView>;
