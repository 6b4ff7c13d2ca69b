// The node tool: facts about this machine and its health, in plain sentences of the node itself.
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
