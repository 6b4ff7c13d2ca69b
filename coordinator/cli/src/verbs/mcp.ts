// The verb that an editor starts to speak MCP with the fleet.
import { bridgeMcp } from '../mcp-bridge.ts';
import type { Verb } from '../verb.ts';

export const mcpVerbs: Verb[] = [
  {
    words: 'mcp',
    args: '',
    text: 'Speaks MCP over standard input and output, for an editor that starts it; docs/mcp.md has what to paste.',
    async run(call) {
      const { write, signal } = call;
      await bridgeMcp({ client: call.client(), write, signal, note: (text) => call.note(`fleet mcp: ${text}`) });
    },
  },
];
