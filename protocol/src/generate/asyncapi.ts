// The topic table as an AsyncAPI 3 document, from the coordinator's side: it receives what nodes and people write.
// In: the table and a version. Out: plain JSON.
import type { TopicRow } from '../topic-row.ts';
import { topicRoot, topics } from '../topics.ts';
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
};

export function asyncApi(version: string): JsonObject {
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
      bindings: { mqtt: { qos: row.qos, retain: row.retain, bindingVersion: '0.2.0' } },
    };
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'BlackRoad Fleet over MQTT',
      version,
      description: 'What the coordinator receives and sends. Unknown fields are ignored; versions may differ by one.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { messages, schemas: writer.components() },
  };
}
