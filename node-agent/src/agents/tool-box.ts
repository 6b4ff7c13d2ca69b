// The tools one agent may call: made from its grants, so that it can call no others. In: a call as the model wrote it. Out: text for the
// model, also when the call is wrong, refused or fails. Never throws.

import type { ToolCall, ToolSpec } from '@blackroad/model-server/chat';
import { explain, interpretingChecker, type ToolGrant } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { AgentMemory } from '../memory/agent-memory.ts';
import type { Tool, ToolContext } from './tool.ts';
import { httpTool } from './tools/http.ts';
import { memoryTools } from './tools/memory.ts';
import { mqttTool } from './tools/mqtt.ts';
import { nodeTool } from './tools/node.ts';

export interface ToolBox {
  readonly specs: readonly ToolSpec[];
  call(call: ToolCall, context: ToolContext): Promise<string>;
}
interface ToolBoxDeps {
  agent: string;
  memory: AgentMemory;
  /** Plain sentences about this machine and its health. */
  facts(): string[];
  /** False while the agent may run on another node, by now or still. */
  mayActOutside(): boolean;
  /** Publishes below `node/<node>/out/<agent>/`; false where the message is certainly lost. */
  publish(topic: string, message: unknown): unknown;
  clock: Clock;
  log?: Log;
}

export function toolBoxFor(grants: readonly ToolGrant[], deps: ToolBoxDeps): ToolBox {
  const tools = new Map<string, Tool>();
  for (const tool of grants.flatMap((grant) => toolsOf(grant, grants, deps))) tools.set(tool.name, tool);
  return {
    specs: [...tools.values()].map(({ name, description, parameters }) => ({ name, description, parameters })),
    async call(call, context) {
      const tool = tools.get(call.name);
      if (!tool) return `There is no tool ${call.name.slice(0, 60)}. Tools: ${[...tools.keys()].join(', ') || 'none'}.`;
      if (!interpretingChecker(tool.parameters, call.arguments)) {
        return `The arguments of ${tool.name} are wrong: ${explain(tool.parameters, call.arguments)}`;
      }
      if (tool.outside && !deps.mayActOutside()) {
        return `Refused: another node may still act for this agent, or this one has no word of the fleet, so ${tool.name} is not used now.`;
      }
      try {
        return await tool.call(call.arguments as never, context);
      } catch (error) {
        deps.log?.warn({ agent: deps.agent, tool: tool.name, err: error }, 'a tool failed');
        return `${tool.name} failed: ${(error as Error).message.slice(0, 300)}`;
      }
    },
  };
}

function toolsOf(grant: ToolGrant, grants: readonly ToolGrant[], deps: ToolBoxDeps): Tool[] {
  switch (grant.tool) {
    case 'memory':
      return memoryTools(deps.agent, deps.memory);
    case 'node':
      return [nodeTool(deps.facts)];
    case 'http':
      return [
        httpTool(
          grants.flatMap((each) => (each.tool === 'http' ? each.hosts : [])),
          deps.clock,
        ),
      ];
    case 'mqtt': {
      const topics = grants.flatMap((each) => (each.tool === 'mqtt' ? each.topics : []));
      return [mqttTool(topics, deps.publish)];
    }
  }
}
