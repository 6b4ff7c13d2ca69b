// The mqtt tool: publishes to the topics a person listed, below this agent's own branch `node/<node>/out/<agent>/`, and nowhere else.
import { type Static, Type } from '@blackroad/protocol';
import type { Tool } from '../tool.ts';

const maxPayloadChars = 4_000;
const Publish = Type.Object({
  topic: Type.String({ minLength: 1, maxLength: 200 }),
  payload: Type.String({ maxLength: maxPayloadChars, description: 'Text or JSON.' }),
});

export function mqttTool(topics: readonly string[], publish: (topic: string, message: unknown) => unknown): Tool {
  // In the topic table, the topic of an agent is one level.
  const allowed = topics.filter((topic) => /^[^/+#]+$/.test(topic));
  return {
    name: 'mqtt_publish',
    description: `Publish a message for home automation. Topics: ${allowed.join(', ') || 'none'}.`,
    parameters: Publish,
    outside: true,
    async call({ topic, payload }: Static<typeof Publish>) {
      if (!allowed.includes(topic)) {
        return `Refused: the topic ${topic} is not allowed. Allowed: ${allowed.join(', ') || 'none'}.`;
      }
      return publish(topic, parsed(payload)) === false
        ? 'Not published: this node is not connected now.'
        : 'Published.';
    },
  };
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}
