// One HTTP request of MCP: its messages go to a server of their own, its answer comes as JSON, or as a stream where a tool is called. In: the
// messages and the session. Out: the head and body of an answer. It knows nothing of Fastify; api/mcp.ts ties both together.
import { FleetError, maxMcpMessages } from '@blackroad/protocol';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type McpParts, mcpServer } from './mcp-server.ts';
import type { Running } from './running.ts';

export interface McpRequest {
  body: unknown;
  headers: Readonly<Record<string, string>>;
  owner: string;
  /** Empty: it names none. */
  session: string;
}
export interface McpAnswer {
  status: number;
  type: string | null;
  /** The name of a session that begins. */
  session: string | null;
  body: ReadableStream<Uint8Array> | null;
  /** The reader is away, or has read all. */
  end(): void;
}

interface Message {
  method?: unknown;
  id?: unknown;
  params?: { requestId?: unknown; arguments?: unknown };
}
const isId = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

export async function serve(
  { body, headers, owner, session }: McpRequest,
  parts: Omit<McpParts, 'isCancelled' | 'odd'>,
  running: Running,
): Promise<McpAnswer> {
  const all = (Array.isArray(body) ? body : [body]) as (Message | null)[];
  if (all.length > maxMcpMessages)
    throw new FleetError('invalid-request', {
      detail: `body: expected at most ${maxMcpMessages} messages in one request, got ${all.length}`,
    });
  // Taken out: the request that is taken back has another server, and one of this very request would never be answered.
  const isCancel = (message: Message | null) => message?.method === 'notifications/cancelled';
  const messages = all.filter((message) => !isCancel(message));
  for (const message of all) {
    const id = message?.params?.requestId;
    if (isCancel(message) && isId(id)) running.cancel(owner, session, id);
  }
  if (messages.length === 0 && all.length > 0) return accepted;

  const ids = new Set(messages.flatMap((message) => (isId(message?.id) ? [message.id] : [])));
  if (ids.size < messages.filter((message) => message?.id !== undefined).length)
    throw new FleetError('invalid-request', { detail: 'body: id: expected a text or a number, each once' });
  const isCall = messages.some((message) => message?.method === 'tools/call');
  const cancelled = new Set<string | number>();
  const odd = oddArguments(messages);
  const server = mcpServer({ ...parts, odd, isCancelled: (id) => cancelled.has(id) });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !isCall });
  const closed = Promise.withResolvers<null>();
  const close = () => {
    ended();
    closed.resolve(null);
    transport.close().catch(() => {});
  };
  const ended = running.begin({
    owner,
    session,
    ids,
    cancel(id) {
      cancelled.add(id);
      // Nothing else of it is waited for: its stream ends, and with it the call. Otherwise the call alone ends, without an answer.
      if ([...ids].every((each) => cancelled.has(each))) close();
      else transport.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    },
    end() {
      for (const id of ids) cancelled.add(id);
      close();
    },
  });
  try {
    await server.connect(transport);
    const request = new Request('http://coordinator/mcp', { method: 'POST', headers });
    const parsedBody = (Array.isArray(body) ? messages : messages[0]) as JSONRPCMessage;
    const response = await Promise.race([transport.handleRequest(request, { parsedBody }), closed.promise]);
    if (response === null) return { ...accepted, end: close };
    const begins = messages.some((message) => message?.method === 'initialize') && response.status === 200;
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      session: begins ? parts.asker.random.hex(16) : null,
      body: response.body,
      end: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Arguments that are no object, taken out: the SDK would refuse the message, and the model that wrote it would not be told what to mend. */
function oddArguments(messages: readonly (Message | null)[]): Map<string | number, unknown> {
  const odd = new Map<string | number, unknown>();
  for (const message of messages) {
    const given = message?.params?.arguments;
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
    if (message?.method !== 'tools/call' || given === undefined || isObject || !isId(message.id)) continue;
    odd.set(message.id, given);
    delete message.params?.arguments;
  }
  return odd;
}

/** Nothing is to be answered. */
const accepted: McpAnswer = { status: 202, type: null, session: null, body: null, end() {} };
