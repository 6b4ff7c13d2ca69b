// The model cache as the coordinator has it: a process that is started with it, started again when it ends, and asked over its channel. In:
// settings, and a judge of certificates. Out: its port, figures, and what people ask of it. A cache that is away costs the fleet nothing but
// its downloads: nodes then fetch from elsewhere.
import { FleetError, type ProblemCode } from '@blackroad/protocol';
import type { Backoff } from '@blackroad/std/backoff';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import { KeptProcess } from '@blackroad/std/kept-process';
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
const callWithinMs = 15_000;
const maxWaitingCalls = 100;
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
  readonly #process: KeptProcess<FromCache, ToCache>;
  #calls = 0;
  #ports: { port: number; openPort: number | null } | null = null;
  /** Why nodes cannot read from it now, in words; null: they can. */
  problem: string | null = 'it is starting';
  figures: CacheFigures | null = null;

  constructor(parts: CacheProcessParts) {
    this.#parts = parts;
    const { settings, clock, random, log } = parts;
    this.#process = new KeptProcess({
      name: 'the model cache',
      path: new URL(processFile, import.meta.url).pathname,
      niceness,
      restart,
      greeting: () => ({ settings }),
      heard: (said) => this.#heard(said),
      ended: (words) => this.#ended(words),
      ...{ clock, random, log },
    });
    this.#process.start();
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
    const { isThere } = this.#process;
    if (!isThere || this.#waiting.size >= maxWaitingCalls) {
      const detail = isThere ? 'The model cache is busy.' : 'The model cache is being started again.';
      return Promise.reject(new FleetError('unavailable', { detail, retryAfterSeconds: 5 }));
    }
    const id = ++this.#calls;
    const answer = new Promise<CacheAnswers[C['call']]>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
    });
    this.#process.tell({ id, ...asked });
    const late = () => new FleetError('unavailable', { detail: 'The model cache does not answer.' });
    return withDeadline(this.#parts.clock, callWithinMs, answer, late).finally(() => this.#waiting.delete(id));
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  #heard(message: FromCache): void {
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
    } else if ('judge' in message) this.#process.tell({ judged: message.judge, verdict: judge(message.peer) });
    else if ('figures' in message) this.figures = message.figures;
    else if ('value' in message) this.#waiting.get(message.id)?.resolve(message.value as never);
    // Under `node --watch` each process also tells its parent which files it has loaded.
    else if ('problem' in message) {
      const { kind, text: detail, retryAfterS } = message.problem;
      const again = retryAfterS > 0 ? { retryAfterSeconds: retryAfterS } : {};
      this.#waiting.get(message.id)?.reject(new FleetError(codes[kind], { detail, ...again }));
    }
  }

  #ended(words: string | null): void {
    this.#ports = null;
    for (const { reject } of this.#waiting.values())
      reject(new FleetError('unavailable', { detail: 'The process of the model cache ended.' }));
    this.problem = words ?? this.problem;
  }
}
