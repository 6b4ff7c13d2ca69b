// One connection to an MCP server: requests with their answers and deadlines, the hello, the list of tools, a call. In: a wire. Out: tools, and
// texts for a model. A server that breaks the protocol is cut off; the error says how.
import type { Clock } from '@blackroad/std/clock';
import { callMs, connectMs, maxServerTools } from './limits.ts';
import { textOf } from './result-text.ts';
import { type ServerTool, toolsIn } from './server-tools.ts';
import type { Wire, WireEvents } from './wire.ts';

/** The newest first; a server answers with one that it speaks. */
const versions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const maxPages = 8;

/** The server itself is at fault, and not one call: it is cut off. */
export class ServerFault extends Error {}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}
interface Answer {
  id?: unknown;
  method?: unknown;
  result?: unknown;
  error?: { code?: unknown; message?: unknown };
}

export class Connection {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #id = 0;
  #ended: ServerFault | null = null;
  /** Called when the server says that its tools are others now. */
  onChanged: () => void = () => {};
  /** Called once, when nothing more can be asked. */
  onEnded: (fault: ServerFault) => void = () => {};

  constructor(open: (events: WireEvents) => Wire, clock: Clock) {
    this.#clock = clock;
    this.#wire = open({ message: (value) => this.#hear(value), ended: (why) => this.#end(new ServerFault(why)) });
  }

  get busy(): number {
    return this.#pending.size;
  }

  async hello(version: string): Promise<void> {
    const params = {
      protocolVersion: versions[0],
      capabilities: {},
      clientInfo: { name: 'blackroad-fleet', version },
    };
    const answer = (await this.#ask('initialize', params, connectMs)) as { protocolVersion?: unknown } | null;
    const spoken = answer?.protocolVersion;
    if (typeof spoken !== 'string' || !versions.includes(spoken))
      throw this.#cut(`it speaks the protocol ${JSON.stringify(spoken)?.slice(0, 40)}, and not ${versions.join(', ')}`);
    this.#wire.agreed(spoken);
    await this.#wire.send({ jsonrpc: '2.0', method: 'notifications/initialized' }, AbortSignal.timeout(connectMs));
  }

  async tools(): Promise<{ tools: ServerTool[]; left: string[] }> {
    const found: unknown[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < maxPages && found.length <= maxServerTools; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = (await this.#ask('tools/list', params, connectMs)) as { tools?: unknown; nextCursor?: unknown };
      if (!Array.isArray(answer?.tools)) throw this.#cut('its list of tools is none');
      found.push(...answer.tools);
      if (typeof answer.nextCursor !== 'string' || answer.nextCursor === '') break;
      cursor = answer.nextCursor;
    }
    return toolsIn(found);
  }

  /** @throws ServerFault, or Error in words */
  async call(name: string, args: unknown, signal: AbortSignal): Promise<string> {
    const result = await this.#ask('tools/call', { name, arguments: args }, callMs, signal);
    const text = textOf(result);
    if (text === null) throw this.#cut('it answered a call with what is no result of a tool');
    return text;
  }

  close(): void {
    this.#end(new ServerFault('it was let go'));
  }

  async #ask(method: string, params: object, withinMs: number, signal?: AbortSignal): Promise<unknown> {
    if (this.#ended) throw this.#ended;
    const id = ++this.#id;
    const stop = new AbortController();
    const late = new ServerFault(`it does not answer ${method} within ${withinMs / 1000} s`);
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
    });
    answered.catch(() => {}); // It may be rejected while the message is still sent.
    const timer = this.#clock.after(withinMs, () => stop.abort(late));
    const onAbort = () => stop.abort(new Error('the turn ended'));
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const sent = this.#wire.send({ jsonrpc: '2.0', id, method, params }, stop.signal).then(
        () => {
          if (!this.#wire.answersLater)
            this.#pending.get(id)?.reject(new ServerFault('it ended its answer without a result'));
        },
        (error: Error) =>
          this.#pending
            .get(id)
            ?.reject(stop.signal.aborted ? stop.signal.reason : new ServerFault(error.message, { cause: error })),
      );
      const result = await answered;
      void sent;
      return result;
    } catch (error) {
      // A server that works on for nobody is told so; one that hangs is not waited for.
      if (stop.signal.aborted && method === 'tools/call') this.#takeBack(id);
      throw error;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
      stop.abort(new Error('over'));
    }
  }

  #takeBack(requestId: number): void {
    const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
    this.#wire.send(message, AbortSignal.timeout(connectMs)).catch(() => {});
  }

  #hear(value: unknown): void {
    if (typeof value !== 'object' || value === null) {
      this.#cut('it sent what is no message');
      return;
    }
    const { id, method, result, error } = value as Answer;
    if (typeof method === 'string') {
      if (method === 'notifications/tools/list_changed') this.onChanged();
      if (id !== undefined) this.#answer(id, method);
      return;
    }
    // An answer that nobody waits for any more is dropped.
    const pending = this.#pending.get(id as number);
    if (!pending) return;
    if (error === undefined) pending.resolve(result);
    else pending.reject(new Error(String(error?.message ?? 'it refuses').slice(0, 500)));
  }

  /** What a server may ask of a client: whether it is there. Nothing else was offered to it. */
  #answer(id: unknown, method: string): void {
    const answer = method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'not offered' } };
    this.#wire.send({ jsonrpc: '2.0', id, ...answer }, AbortSignal.timeout(connectMs)).catch(() => {});
  }

  #cut(why: string): ServerFault {
    const fault = new ServerFault(why);
    this.#end(fault);
    return fault;
  }
  #end(fault: ServerFault): void {
    if (this.#ended) return;
    this.#ended = fault;
    this.#wire?.close();
    for (const { reject } of this.#pending.values()) reject(fault);
    this.onEnded(fault);
  }
}
