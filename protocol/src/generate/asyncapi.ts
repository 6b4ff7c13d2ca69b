// The topic table as an AsyncAPI 3 document, from the coordinator's side: it receives what nodes and people write.
// In: the table, a version, and a recorded message of each topic, which is its example. Out: plain JSON.
import type { TopicRow } from '../topic-row.ts';
import { type TopicName, topicRoot, topics } from '../topics.ts';
import { createSchemaWriter, type JsonObject } from './schemas.ts';

/** The parameters of topics in words, for people. */
export const topicParameters: Record<string, string> = {
  node: 'A node id.',
  agent: 'The name of an agent.',
  task: 'A task id.',
  type: 'Type of the event.',
  command: 'Id of the command that is answered.',
  topic: 'Chosen by the agent, within its grant.',
  id: 'Id of the question, made up when it had none.',
  key: 'Id of the API key that asked.',
  below: 'One level or more, as the sender likes: triggers name them.',
};

type Examples = Readonly<Partial<Record<TopicName, { topic: string; payload: JsonObject }>>>;

/** MQTT 5 beside the payload: what a question may say, and what its answer says of it. */
const mqttBindings: Partial<Record<TopicName, JsonObject>> = {
  ask: {
    responseTopic: { type: 'string', description: 'The topic of `response` of the own key, or that of `answer`.' },
    correlationData: { type: 'string', description: 'Bytes that come back with the answer.' },
    bindingVersion: '0.2.0',
  },
  answer: { correlationData: { type: 'string', description: "The question's." }, bindingVersion: '0.2.0' },
  response: { correlationData: { type: 'string', description: "The question's." }, bindingVersion: '0.2.0' },
};

const server = (port: string, protocolVersion: string, description: string): JsonObject => ({
  host: `{host}:${port}`,
  protocol: 'secure-mqtt',
  protocolVersion,
  description,
  variables: { host: { default: 'localhost', description: 'The machine of the coordinator.' } },
});

export function asyncApi(version: string, examples: Examples): JsonObject {
  const writer = createSchemaWriter();
  const channels: JsonObject = {};
  const operations: JsonObject = {};
  const messages: JsonObject = {};
  for (const [name, row] of Object.entries(topics) as [string, TopicRow][]) {
    const parameters = [...row.pattern.matchAll(/\{(\w+)\}/g)].map(([, key]) => key as string);
    messages[name] = {
      name,
      contentType: 'application/json',
      summary: row.text,
      payload: writer.schema(row.schema),
      ...messageParts(name as TopicName, examples),
      'x-max-bytes': row.maxBytes,
    };
    channels[name] = {
      address: `${topicRoot}/${row.pattern}`,
      description: row.text,
      ...(parameters.length > 0
        ? {
            parameters: Object.fromEntries(
              parameters.map((key) => [key, { description: topicParameters[key] ?? key }]),
            ),
          }
        : {}),
      messages: { [name]: { $ref: `#/components/messages/${name}` } },
      'x-writer': row.writer,
    };
    operations[name] = {
      action: row.writer === 'coordinator' ? 'send' : 'receive',
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
      ...(name === 'ask' ? { reply: { channel: { $ref: '#/channels/answer' } } } : {}),
      bindings: { mqtt: { qos: row.qos, retain: row.retain, bindingVersion: '0.2.0' } },
    };
  }
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'BlackRoad Fleet over MQTT',
      version,
      description: 'What the coordinator receives and sends. Unknown fields are ignored; versions may differ by one.',
      license: { name: 'MIT' },
    },
    servers: {
      people: server('8405', '5', 'Programs of people, with a key: MQTT 5 and 3.1.1.'),
      nodes: server('8402', '3.1.1', 'Nodes with their certificate, and programs of people with a key.'),
    },
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { messages, schemas: writer.components() },
  };
}

function messageParts(name: TopicName, examples: Examples): JsonObject {
  const example = examples[name];
  const mqtt = mqttBindings[name];
  return {
    ...(example ? { examples: [{ name, summary: example.topic, payload: example.payload }] } : {}),
    ...(mqtt ? { bindings: { mqtt } } : {}),
  };
}
