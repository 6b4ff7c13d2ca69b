// MCP over standard input and output, for editors that start a program: each line goes to the coordinator's own MCP, and what it answers comes
// back as lines. In: JSON-RPC messages, a line each. Out: the same. It understands no message beyond what the transport needs: the id of a
// request, and what the answer to `initialize` says.
import { createInterface } from 'node:readline';
import { FleetError, maxMcpBytes, maxMcpRequestsPerKey } from '@blackroad/protocol';
import type { Client } from './client.ts';

interface Message {
  id?: string | number;
  method?: string;
  result?: { protocolVersion?: string };
}

interface BridgeParts {
  client: Client;
  write(text: string): void;
  /** For people: what was refused, beside the answer that says so. */
  note(text: string): void;
  /** No line is read any more. */
  signal: AbortSignal;
}

/** Ends with the input. */
export async function bridgeMcp(parts: BridgeParts): Promise<void> {
  await new Bridge(parts).run();
}

class Bridge {
  readonly #parts: BridgeParts;
  readonly #running = new Set<Promise<void>>();
  /** As the coordinator named it, and as it answered to `initialize`. */
  #session: string | null = null;
  #version: string | null = null;

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
    this.#parts.signal.addEventListener('abort', () => lines.close());
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const message = readMessage(line);
      if (message === null)
        this.#write({ jsonrpc: '2.0', id: null, error: fault(-32700, 'expected one JSON-RPC message') });
      else if (Buffer.byteLength(line) > maxMcpBytes) this.#refuse(message, `expected at most ${maxMcpBytes} bytes`);
      else await this.#take(message, line);
    }
    // Whoever started it does not wait any more: what is still asked of agents is cancelled.
    await this.#send(null).catch(() => {});
  }

  /** One after the other until the session is known, side by side from then on. */
  async #take(message: Message, line: string): Promise<void> {
    while (this.#running.size >= maxMcpRequestsPerKey) await Promise.race(this.#running);
    const sent = this.#send(line, message)
      .catch((error: unknown) => this.#refuse(message, error instanceof FleetError ? error.message : String(error)))
      .finally(() => this.#running.delete(sent));
    this.#running.add(sent);
    if (this.#version === null || message.id === undefined) await sent;
  }

  /** Null: the session ends. */
  async #send(line: string | null, asked: Message = {}): Promise<void> {
    const headers: Record<string, string> = {
      ...(this.#session === null ? {} : { 'mcp-session-id': this.#session }),
      ...(this.#version === null ? {} : { 'mcp-protocol-version': this.#version }),
    };
    const answers = this.#parts.client.exchange(line === null ? 'mcpEnd' : 'mcp', {
      ...{ json: line, headers },
      onHeaders: ({ 'mcp-session-id': session }) => {
        if (typeof session === 'string') this.#session = session;
      },
    });
    for await (const text of answers) {
      const answer = readMessage(text);
      if (answer === null) continue;
      if (asked.method === 'initialize' && answer.id === asked.id)
        this.#version = answer.result?.protocolVersion ?? this.#version;
      this.#parts.write(`${text.replaceAll(/[\r\n]+/g, ' ')}\n`);
    }
  }

  /** A notification is answered with nothing. */
  #refuse({ id }: Message, text: string): void {
    this.#parts.note(text);
    if (id !== undefined) this.#write({ jsonrpc: '2.0', id, error: fault(-32000, text) });
  }
  #write(value: object): void {
    this.#parts.write(`${JSON.stringify(value)}\n`);
  }
}

const fault = (code: number, message: string) => ({ code, message });

function readMessage(text: string): Message | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Message) : null;
  } catch {
    return null;
  }
}
