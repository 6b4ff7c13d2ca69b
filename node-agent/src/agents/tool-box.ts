// The tools one agent may call: made from its grants, so that it can call no others. In: a call as the model wrote it. Out: text for the
// model, also when the call is wrong, refused or fails. Never throws.

import type { ToolCall, ToolSpec } from '@blackroad/model-server/chat';
import { explain, interpretingChecker, type ToolGrant } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { orAborted } from '@blackroad/std/or-aborted';
import type { AgentMemory } from '../memory/agent-memory.ts';

import type { Tool, ToolContext } from './tool.ts';
import { type BoardTools, boardTools, boardTroubles } from './tools/board.ts';
import { httpTool } from './tools/http.ts';
import { memoryTools } from './tools/memory.ts';
import { mqttTool } from './tools/mqtt.ts';
import { nodeTool } from './tools/node.ts';

export interface ToolBox {
  readonly specs: readonly ToolSpec[];
  /** Looks which tools there are now. Resolves in seconds, whatever servers of others do, and with the turn; never throws. */
  look(signal: AbortSignal): Promise<void>;
  /** Which tools are missing and why, in words. */
  troubles(): string[];
  call(call: ToolCall, context: ToolContext): Promise<string>;
}
type McpGrant = Extract<ToolGrant, { tool: 'mcp' }>;
/** The MCP servers of the node. */
export interface McpToolbox {
  /** Those that the grant names and the server has now. Never throws. */
  tools(grant: McpGrant): Promise<Tool[]>;
  /** What is wrong with the server, in words; null: nothing. */
  trouble(grant: McpGrant): string | null;
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
  /** Missing: the node has none. */
  mcp?: McpToolbox;
  /** Missing: the node has none. */
  board?: BoardTools;
  /** What people call the agent; missing: its id. */
  name?: string;
  clock: Clock;
  log?: Log;
}

export function toolBoxFor(grants: readonly ToolGrant[], deps: ToolBoxDeps): ToolBox {
  const board = deps.board ?? null;
  const agent = { id: deps.agent, name: deps.name ?? deps.agent };
  const own = [...grants.flatMap((grant) => toolsOf(grant, grants, deps)), ...boardTools(grants, { agent, board })];
  const mcpGrants = grants.filter((grant) => grant.tool === 'mcp');
  let tools = byName(own);
  return {
    get specs() {
      return [...tools.values()].map(({ name, description, parameters }) => ({ name, description, parameters }));
    },
    async look(signal) {
      if (mcpGrants.length === 0 || !deps.mcp) return;
      const { mcp } = deps;
      const found = await orAborted(Promise.all(mcpGrants.map((grant) => mcp.tools(grant))), signal).catch(() => null);
      if (found === null) return;
      // Of two tools of one name the agent's own is called, or that of the grant before.
      tools = byName([...own, ...found.flat()]);
    },
    troubles() {
      const { mcp } = deps;
      const words = mcpGrants.flatMap((grant) => {
        const trouble = mcp ? mcp.trouble(grant) : `this node has no MCP server ${grant.server}`;
        return trouble === null ? [] : [`Tools are missing: ${trouble}.`];
      });
      return [...new Set([...words, ...boardTroubles(grants, board)])];
    },
    async call(call, context) {
      const tool = tools.get(call.name);
      if (!tool) return `There is no tool ${call.name.slice(0, 60)}. Tools: ${[...tools.keys()].join(', ') || 'none'}.`;
      if (!tool.judgedElsewhere && !interpretingChecker(tool.parameters, call.arguments)) {
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

function byName(tools: readonly Tool[]): Map<string, Tool> {
  const found = new Map<string, Tool>();
  for (const tool of tools) if (!found.has(tool.name)) found.set(tool.name, tool);
  return found;
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
    // They are asked for before each turn.
    case 'mcp':
    // Made of all grants together.
    case 'gpio':
    case 'sensor':
    case 'camera':
      return [];
  }
}
