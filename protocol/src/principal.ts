// The principal of an order. Every order carries a principal: who it is, the space it acts in, and the roles it acts with. A task stores
// only the asker of it, without the roles: they may change after the order.
import { roles } from './permissions.ts';
import { type Static, Type } from './typebox.ts';

/** The space that a thing belongs to. There is one space, until a coordinator serves more. */
export const defaultSpace = 'default';

export const Asker = Type.Object(
  {
    kind: Type.OneOf(['key', 'session', 'node', 'token', 'address', 'coordinator'], {
      description:
        'key: a program or a command line with an API key, over HTTP or MQTT; session: a person who is signed in to the console; node: the node itself, by a trigger of the agent; token: a machine that joins with a join token; address: somebody without any of these; coordinator: the coordinator by itself; its name is then that of the trigger that it ran, where it ran one.',
    }),
    id: Type.Nullable(
      Type.String({
        description:
          'Of the key (for a session: of the key it was signed in with; null: of none), of the node or of the join token. A name may be given anew when its key is revoked, an id is not.',
      }),
    ),
    name: Type.String({ description: 'Of the key as it was called then, of the node, or the address.' }),
  },
  { description: 'Who asked.' },
);
export type Asker = Static<typeof Asker>;

export const Principal = Type.Object(
  {
    ...Asker.properties,
    space: Type.String({ description: `Whose fleet it acts in: \`${defaultSpace}\`, the only one for now.` }),
    roles: Type.Array(Type.OneOf(roles), { description: 'It may do what one of them may.' }),
  },
  { description: 'Who asks, and with which rights.' },
);
export type Principal = Static<typeof Principal>;

/** The principal of what the coordinator does by itself. */
export const coordinatorSelf: Principal = {
  kind: 'coordinator',
  id: null,
  name: 'coordinator',
  space: defaultSpace,
  roles: ['admin'],
};

/** The part of a principal that a row stores. */
export function askerOf({ kind, id, name }: Asker): Asker {
  return { kind, id, name };
}
