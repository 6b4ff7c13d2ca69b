// Who asked for something: a key, a person who is signed in with one, or a node. The audit log and tasks name them by the same words.
import { type Static, Type } from './typebox.ts';

export const Principal = Type.Object(
  {
    kind: Type.OneOf(['key', 'session', 'node'], {
      description:
        'key: a program or a command line with an API key, over HTTP or MQTT; session: a person who is signed in to the console; node: the node itself, by a trigger of the agent.',
    }),
    id: Type.Nullable(
      Type.String({
        description:
          'Of the key (for a session: of the key it was signed in with; null: of none), or of the node. A name may be given anew when its key is revoked, an id is not.',
      }),
    ),
    name: Type.String({ description: 'Of the key as it was called then, or of the node.' }),
  },
  { description: 'Who asked.' },
);
export type Principal = Static<typeof Principal>;
