// All tools of the MCP door, in the order in which clients list them.
import { mayDo, type Principal } from '@blackroad/protocol';
import type { McpTool } from './tool.ts';
import { askAgent } from './tools/ask-agent.ts';
import { applyPlan, planChange } from './tools/change.ts';
import { explainPlacement } from './tools/explain-placement.ts';
import { listNodes } from './tools/list-nodes.ts';
import { recentEvents } from './tools/recent-events.ts';
import { searchMemory } from './tools/search-memory.ts';

export const tools: readonly McpTool[] = [
  listNodes,
  explainPlacement,
  askAgent,
  searchMemory,
  planChange,
  applyPlan,
  recentEvents,
];

/** A tool that a key may not use is not shown to its model. */
export function toolsFor({ roles }: Principal): McpTool[] {
  return tools.filter(({ needs }) => needs.every((permission) => mayDo(roles, permission)));
}
