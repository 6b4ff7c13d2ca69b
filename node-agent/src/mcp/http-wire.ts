// An MCP server at an address: a message is a POST, its answer JSON or a stream of events [MCP 2025-11-25, transports]. node:http instead of
// fetch: the first fetch() costs 12 MB [M]. Redirects are not followed: the token would go along.
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { maxAnswerBytes, maxMessageBytes } from './limits.ts';
import type { ServerPlace } from './servers-file.ts';
import { NotThere, type Wire, type WireEvents } from './wire.ts';

type Place = ServerPlace & { kind: 'address' };

export function httpWire(place: Place, events: WireEvents): Wire {
  const sending = new Set<AbortController>();
  let session: string | null = null;
  let version: string | null = null;
  let isClosed = false;

  async function send(message: object, signal: AbortSignal): Promise<void> {
    if (isClosed) throw new Error('the connection was closed');
    const own = new AbortController();
    sending.add(own);
    try {
      const headers = {
        ...headersOf(place),
        ...(session === null ? {} : { 'mcp-session-id': session }),
        ...(version === null ? {} : { 'mcp-protocol-version': version }),
      };
      const response = await ask(
        'POST',
        place.url,
        JSON.stringify(message),
        headers,
        AbortSignal.any([signal, own.signal]),
      );
      const given = response.headers['mcp-session-id'];
      if (typeof given === 'string') session = given.slice(0, 200);
      await read(response, events.message);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED')
        throw new NotThere(`nothing answers at ${shown(place.url)}`);
      throw error;
    } finally {
      sending.delete(own);
    }
  }
  return {
    answersLater: false,
    send,
    agreed(is) {
      version = is;
    },
    close() {
      isClosed = true;
      for (const each of sending) each.abort(new Error('the connection was closed'));
      // It need not keep the session; one that does not take this word keeps it for a while.
      if (session !== null) endSession(place, session).catch(() => {});
    },
  };
}

const goodbyeMs = 2_000;
async function endSession(place: Place, session: string): Promise<void> {
  const headers = { ...headersOf(place), 'mcp-session-id': session };
  (await ask('DELETE', place.url, '', headers, AbortSignal.timeout(goodbyeMs))).destroy();
}

/** An address may have a key in it. */
function shown(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** The token is read anew for each message, so that it can be replaced. */
function headersOf({ headers = {}, tokenFile }: Place): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) found[name.toLowerCase()] = value;
  if (tokenFile === undefined) return found;
  try {
    return { ...found, authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
  } catch (error) {
    throw new Error(`its tokenFile cannot be read: ${(error as Error).message}`);
  }
}

function ask(
  method: 'POST' | 'DELETE',
  url: string,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      signal,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json, text/event-stream',
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      if (status >= 200 && status < 300) return resolve(response);
      response.destroy();
      if (status === 401 || status === 403) reject(new Error(`it refuses its token (HTTP ${status})`));
      else if (status >= 300 && status < 400)
        reject(new Error(`it leads to another address (HTTP ${status}), which is not followed`));
      else {
        // What stands before it, or listens before it is ready, says so.
        const isAway = status === 404 || status >= 500;
        reject(new (isAway ? NotThere : Error)(`it answers HTTP ${status}`));
      }
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage, onMessage: (value: unknown) => void): Promise<void> {
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
  const most = isStream ? maxAnswerBytes : maxMessageBytes;
  const parts: Buffer[] = [];
  let bytes = 0;
  let rest = '';
  const decoder = new TextDecoder();
  // It is destroyed where the loop is left.
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > most) throw new Error(`it answered with more than ${most} bytes`);
    if (!isStream) {
      parts.push(piece);
      continue;
    }
    rest += decoder.decode(piece, { stream: true });
    if (rest.length > maxMessageBytes) throw new Error(`it sent a message of more than ${maxMessageBytes} bytes`);
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) takeEvent(block, onMessage);
  }
  if (isStream) takeEvent(rest, onMessage);
  else if (bytes > 0) takeAll(Buffer.concat(parts).toString('utf8'), onMessage);
}

function takeEvent(block: string, onMessage: (value: unknown) => void): void {
  const data = block.split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
  if (data.length > 0 && data.join('') !== '') takeAll(data.join('\n'), onMessage);
}
function takeAll(text: string, onMessage: (value: unknown) => void): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`it answered with what is no message: ${JSON.stringify(text.slice(0, 80))}`);
  }
  for (const each of Array.isArray(value) ? value : [value]) onMessage(each);
}
