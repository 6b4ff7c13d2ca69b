// The ways into MQTT as people see them: the port of the nodes, and the door for people's programs.
import { TimeMs } from './ids.ts';
import { type Static, Type } from './typebox.ts';

const Count = (description: string) => Type.Integer({ minimum: 0, description });
const Port = (description: string) => Type.Nullable(Type.Integer({ minimum: 1, maximum: 65_535, description }));

export const PeopleDoorView = Type.Object({
  port: Port('MQTT 3.1.1 and 5 over TLS, with a key; null while it does not listen.'),
  problem: Type.Nullable(Type.String({ description: 'Why programs cannot connect now.' })),
  problemSinceMs: Type.Nullable(TimeMs, { description: 'Since when they cannot.' }),
  connections: Count('Programs that are connected there.'),
  subscriptions: Count('Their subscriptions.'),
  waiting: Count('Messages on their way to its process.'),
  dropped: Count('Messages that were left out because too many waited, since the coordinator started.'),
  restarts: Count('Ends of its process since then.'),
  rssBytes: Type.Nullable(Count('Memory of its process.')),
  refused: Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
    description: 'Refused connections, publishes and subscriptions by reason.',
  }),
});
export type PeopleDoorView = Static<typeof PeopleDoorView>;

export const MqttView = Type.Object({
  embedded: Type.Boolean({ description: 'False: `--broker` names a broker, and people use that.' }),
  host: Type.Nullable(Type.String({ description: 'Of the broker; null: the coordinator itself.' })),
  port: Port('Of the nodes; the embedded broker lets programs with MQTT 3.1.1 in there too.'),
  connections: Count('Connections to the embedded broker; 1 at most with another one.'),
  discovery: Type.Nullable(
    Type.String({ description: 'The prefix below which Home Assistant finds the fleet; null: it does not.' }),
  ),
  ca: Type.String({ description: 'The CA under which all of these are, PEM.' }),
  people: Type.Nullable(PeopleDoorView, { description: 'Null: `--people-port none`, or another broker.' }),
});
export type MqttView = Static<typeof MqttView>;
