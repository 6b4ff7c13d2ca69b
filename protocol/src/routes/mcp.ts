// Routes of MCP, by which editors and assistants use the fleet. What can be asked is in coordinator/src/mcp; each tool asks for the permission
// of the route that it stands for.
import { maxMcpBytes } from '../mcp-limits.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const mcp = { path: '/mcp', needs: 'self:read', dialect: 'mcp' } as const;

export const mcpRoutes = {
  mcp: route({
    ...mcp,
    method: 'POST',
    text: 'MCP over streamable HTTP: one JSON-RPC message, or several in the older protocols. Tools ask for the permissions of the routes that they stand for.',
    body: Type.Unknown(),
    bodyBytes: maxMcpBytes,
    stream: true,
  }),
  mcpListen: route({
    ...mcp,
    method: 'GET',
    text: 'Not here: the coordinator sends nothing by itself, and answers 405 as the protocol has it.',
  }),
  mcpEnd: route({
    ...mcp,
    method: 'DELETE',
    text: 'Ends a session of MCP: what it still asks of agents is cancelled.',
  }),
};
