// One MCP server as the node's agents use it: connected when an agent first needs it, its list of tools kept, let go when nobody uses it, left
// alone for a while after a fault. In: calls. Out: tools, texts, and what is wrong in words. No fault of a server reaches a turn as an error.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { orAborted } from '@blackroad/std/or-aborted';
import { Connection, ServerFault } from './connection.ts';
import {
  awayPauseMs,
  calmMs,
  firstLookMs,
  freshMs,
  idleMs,
  longPauseMs,
  maxCalls,
  maxFaults,
  shortPauseMs,
} from './limits.ts';
import type { ServerTool } from './server-tools.ts';
import { NotThere, type Wire, type WireEvents } from './wire.ts';

interface ServerParts {
  name: string;
  version: string;
  open(events: WireEvents): Wire;
  clock: Clock;
  log: Log;
}

export class McpServer {
  readonly #parts: ServerParts;
  #connection: Connection | null = null;
  #connecting: Promise<void> | null = null;
  #tools: ServerTool[] | null = null;
  /** When the list of tools was heard, and when the server was last used. */
  #heardMs = 0;
  /** When it said hello, over this connection; null: it has not. */
  #upMs: number | null = null;
  #usedMs = 0;
  #faults = 0;
  #restUntilMs = 0;
  #trouble: string | null = null;
  #left: string[] = [];
  #idle: { cancel(): void } | null = null;
  #again: { cancel(): void } | null = null;
  #isStopped = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** What is wrong with it now, in words. */
  get trouble(): string | null {
    const { name } = this.#parts;
    if (this.#trouble !== null) return `the MCP server ${name} is not used now: ${this.#trouble}`;
    if (this.#left.length === 0) return null;
    return `the MCP server ${name} has tools that cannot be used: ${this.#left.slice(0, 5).join(', ')}`.slice(0, 480);
  }

  /** Its tools as they are known: waited for at first, asked for again beside what goes on. */
  async tools(): Promise<readonly ServerTool[]> {
    const { clock } = this.#parts;
    this.#usedMs = clock.monotonicMs();
    if (this.#tools === null) {
      const wait = Promise.withResolvers<void>();
      const timer = clock.after(firstLookMs, wait.resolve);
      await Promise.race([this.#connected().catch(() => {}), wait.promise]);
      timer.cancel();
      if (this.#tools === null && this.#trouble === null) this.#trouble = 'it has not said yet which tools it has';
    } else if (this.#connection === null || clock.monotonicMs() - this.#heardMs > freshMs)
      this.#connected(true).catch(() => {});
    return this.#trouble === null ? (this.#tools ?? []) : [];
  }

  /** The text is for the model, also where it fails. */
  async call(tool: string, args: unknown, signal: AbortSignal): Promise<string> {
    const { name, clock } = this.#parts;
    this.#usedMs = clock.monotonicMs();
    if ((this.#connection?.busy ?? 0) >= maxCalls)
      return `${name} is busy with ${maxCalls} other calls; try again later.`;
    try {
      await orAborted(this.#connected(), signal);
      return await (this.#connection as Connection).call(tool, args, signal);
    } catch (error) {
      if (error instanceof ServerFault) this.#fault(error);
      return `Failed: ${name}: ${(error as Error).message}`;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#idle?.cancel();
    this.#again?.cancel();
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }

  /** @throws ServerFault while it is left alone */
  async #connected(afresh = false): Promise<void> {
    const { clock } = this.#parts;
    if (this.#connecting === null) {
      if (this.#connection !== null && !afresh) return;
      if (clock.monotonicMs() < this.#restUntilMs)
        throw new ServerFault(this.#trouble ?? 'it is left alone for a while');
      this.#connecting = this.#look().finally(() => {
        this.#connecting = null;
      });
    }
    await this.#connecting;
  }

  async #look(): Promise<void> {
    const { clock, version, open, name, log } = this.#parts;
    try {
      if (this.#connection === null) {
        const connection = new Connection(open, clock);
        this.#connection = connection;
        connection.onEnded = (fault) => {
          if (this.#connection === connection) this.#fault(fault);
        };
        connection.onChanged = () => {
          this.#heardMs = Number.NEGATIVE_INFINITY;
        };
        await connection.hello(version);
        this.#upMs = clock.monotonicMs();
      }
      const { tools, left } = await this.#connection.tools();
      this.#tools = tools;
      this.#left = left;
      this.#heardMs = clock.monotonicMs();
      if (this.#trouble !== null) log.info({ server: name, tools: tools.length }, 'an MCP server is used');
      this.#trouble = null;
      this.#watchIdle();
    } catch (error) {
      this.#fault(error as Error);
      throw error instanceof ServerFault ? error : new ServerFault((error as Error).message);
    }
  }

  /** It is cut off, and left alone for a while: for longer when it does so again and again. */
  #fault(fault: Error): void {
    const { message } = fault;
    const { clock, name, log } = this.#parts;
    const connection = this.#connection;
    if (connection === null && clock.monotonicMs() < this.#restUntilMs) return;
    this.#connection = null;
    connection?.close();
    // What happens after a calm time is not the same fault again.
    if (this.#upMs !== null && clock.monotonicMs() - this.#upMs > calmMs) this.#faults = 0;
    this.#upMs = null;
    this.#faults++;
    const longest = fault instanceof NotThere || fault.cause instanceof NotThere ? awayPauseMs : longPauseMs;
    const pauseMs = this.#faults >= maxFaults ? longest : shortPauseMs * this.#faults;
    this.#restUntilMs = clock.monotonicMs() + pauseMs;
    log.warn({ server: name, faults: this.#faults, pauseMs }, `an MCP server is cut off: ${message}`);
    this.#trouble = message;
    this.#again?.cancel();
    if (this.#isStopped) return;
    this.#again = clock.after(pauseMs, () => {
      this.#restUntilMs = 0;
      this.#connected().catch(() => {});
    });
  }

  #watchIdle(): void {
    const { clock } = this.#parts;
    this.#idle?.cancel();
    this.#idle = clock.after(idleMs, () => {
      const connection = this.#connection;
      if (connection === null) return;
      if (connection.busy > 0 || clock.monotonicMs() - this.#usedMs < idleMs) return this.#watchIdle();
      // It is no fault: the list of tools stays, and the next call connects again.
      this.#connection = null;
      connection.close();
    });
  }
}
