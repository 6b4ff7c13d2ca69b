// The node tool: what this machine is and how it does, as the node itself tells it in plain sentences.
import { Type } from '@blackroad/protocol';
import type { Tool } from '../tool.ts';

export function nodeTool(facts: () => string[]): Tool {
  return {
    name: 'node_status',
    description: 'Facts and health of the machine you run on.',
    parameters: Type.Object({}),
    outside: false,
    async call() {
      return facts().join('\n') || 'Nothing is known about this machine.';
    },
  };
}
