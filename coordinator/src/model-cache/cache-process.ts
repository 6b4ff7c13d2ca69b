// The model cache as the coordinator has it: a process that is started with it, started again when it ends, and asked over its channel. In:
// settings, and a judge of certificates. Out: its port, figures, and what people ask of it. A cache that is away costs the fleet nothing but
// its downloads: nodes then fetch from elsewhere.
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { FleetError, type ProblemCode } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { isBundle } from '@blackroad/std/own-version';
import type { Random } from '@blackroad/std/random';
import type { CacheProblemKind } from './cache-problem.ts';
import type {
  CacheAnswers,
  CacheCall,
  CacheFigures,
  CacheSettings,
  FromCache,
  Judged,
  ShownPeer,
  ToCache,
} from './wire.ts';

interface CacheProcessParts {
  settings: CacheSettings;
  judge: (peer: ShownPeer) => Judged;
  clock: Clock;
  random: Random;
  log: Log;
}
interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

const processFile = isBundle(import.meta.url) ? './model-cache.mjs' : './process.ts';
const restart: Backoff = { firstMs: 1000, maxMs: 60_000 };
/** A process that lived for so long has not failed at its start. */
const livedMs = 60_000;
const callWithinMs = 15_000;
const maxWaitingCalls = 100;
const stopWithinMs = 4000;
/** Steps of Linux: the coordinator and the database have the processor first. */
const niceness = 10;

const codes: Record<CacheProblemKind, ProblemCode> = {
  name: 'no-such-model',
  busy: 'conflict',
  disk: 'storage-failed',
  network: 'unavailable',
  digest: 'unavailable',
};

export class CacheProcess {
  readonly #parts: CacheProcessParts;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listening = Promise.withResolvers<void>();
  #child: ChildProcess | null = null;
  #calls = 0;
  #failures = 0;
  #again: Timer | null = null;
  #isStopped = false;
  #ports: { port: number; openPort: number | null } | null = null;
  /** Why nodes cannot read from it now, in words; null: they can. */
  problem: string | null = 'it is starting';
  figures: CacheFigures | null = null;

  constructor(parts: CacheProcessParts) {
    this.#parts = parts;
    this.#start();
  }

  get port(): number | null {
    return this.#ports?.port ?? null;
  }
  get openPort(): number | null {
    return this.#ports?.openPort ?? null;
  }
  get settings(): Readonly<CacheSettings> {
    return this.#parts.settings;
  }
  /** Resolves when it listened for the first time. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /** Rejects with FleetError. */
  call<C extends CacheCall>(asked: C): Promise<CacheAnswers[C['call']]> {
    const child = this.#child;
    if (!child || this.#waiting.size >= maxWaitingCalls) {
      const detail = child ? 'The model cache is busy.' : 'The model cache is being started again.';
      return Promise.reject(new FleetError('unavailable', { detail, retryAfterSeconds: 5 }));
    }
    const id = ++this.#calls;
    const answer = new Promise<CacheAnswers[C['call']]>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
    });
    this.#tell(child, { id, ...asked });
    const late = () => new FleetError('unavailable', { detail: 'The model cache does not answer.' });
    return withDeadline(this.#parts.clock, callWithinMs, answer, late).finally(() => this.#waiting.delete(id));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#again?.cancel();
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const kill = this.#parts.clock.after(stopWithinMs, () => child.kill('SIGKILL'));
    await gone;
    kill.cancel();
  }

  #start(): void {
    const { settings, clock, log } = this.#parts;
    const startedMs = clock.monotonicMs();
    const child = fork(new URL(processFile, import.meta.url).pathname, [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // Its lines come over the channel; what Node itself prints goes where ours goes.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    child.on('spawn', () => lower(child.pid));
    child.on('error', (error) => log.error({ err: error }, 'the process of the model cache cannot be started'));
    child.on('message', (message: FromCache) => this.#heard(child, message));
    child.on('close', (code, signal) => this.#ended(startedMs, code ?? signal));
    this.#tell(child, { settings });
  }

  #tell(child: ChildProcess, message: ToCache): void {
    child.send(message, () => {}); // a child that is gone is noticed by its end
  }

  #heard(child: ChildProcess, message: FromCache): void {
    const { judge, log } = this.#parts;
    if ('log' in message) log.child({ part: 'model-cache' })[message.log](message.fields, message.text);
    else if ('ready' in message) {
      this.#ports = message.ready;
      this.problem = null;
      this.#listening.resolve();
      log.info(message.ready, 'the model cache works');
    } else if ('failed' in message) {
      this.problem = `it cannot listen: ${message.failed}`;
      log.error({ problem: message.failed }, 'the model cache cannot listen, and tries again');
    } else if ('judge' in message) this.#tell(child, { judged: message.judge, verdict: judge(message.peer) });
    else if ('figures' in message) this.figures = message.figures;
    else if ('value' in message) this.#waiting.get(message.id)?.resolve(message.value as never);
    // Under `node --watch` each process also tells its parent which files it has loaded.
    else if ('problem' in message) {
      const { kind, text: detail, retryAfterS } = message.problem;
      const again = retryAfterS > 0 ? { retryAfterSeconds: retryAfterS } : {};
      this.#waiting.get(message.id)?.reject(new FleetError(codes[kind], { detail, ...again }));
    }
  }

  #ended(startedMs: number, how: number | string | null): void {
    const { clock, random, log } = this.#parts;
    this.#child = null;
    this.#ports = null;
    for (const { reject } of this.#waiting.values())
      reject(new FleetError('unavailable', { detail: 'The process of the model cache ended.' }));
    if (this.#isStopped) return;
    this.problem = `its process ended (${how}), and is started again`;
    if (clock.monotonicMs() - startedMs > livedMs) this.#failures = 0;
    const delayMs = backoffMs(restart, this.#failures++, random);
    log.error({ how, delayMs: Math.round(delayMs) }, 'the process of the model cache ended, and is started again');
    this.#again = clock.after(delayMs, () => this.#start());
  }
}

function lower(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // Not all systems allow it; it then has the same share as the coordinator.
  }
}
