// Grants of MCP tools as a person types them: `home` is every tool of the server home, `home/HassTurnOn` one of them. Both ways, in order.
import type { ToolGrant } from '@blackroad/protocol';

type McpGrant = Extract<ToolGrant, { tool: 'mcp' }>;

export function mcpEntries(tools: readonly ToolGrant[]): string[] {
  return tools.flatMap((grant) =>
    grant.tool === 'mcp' ? grant.tools.map((tool) => (tool === '*' ? grant.server : `${grant.server}/${tool}`)) : [],
  );
}

/** Entries of one server that follow each other are one grant. */
export function mcpGrants(entries: readonly string[]): McpGrant[] {
  const grants: McpGrant[] = [];
  for (const entry of entries) {
    const at = entry.indexOf('/');
    const [server, tool] = at < 0 ? [entry, '*'] : [entry.slice(0, at), entry.slice(at + 1)];
    const last = grants.at(-1);
    if (last?.server === server) last.tools = [...last.tools, tool];
    else grants.push({ tool: 'mcp', server, tools: [tool] });
  }
  return grants;
}
