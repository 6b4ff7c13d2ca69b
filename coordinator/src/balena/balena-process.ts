// The process that speaks with balena: started when it is first asked something, ended where it does not answer in time, started again by the
// next question. In: calls. Out: answers or BalenaFault. The SDK is large and not the coordinator's own: what hangs or crashes in it costs
// the fleet nothing but the answer.
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { BalenaFound } from '../state/balena-stand.ts';
import type { BalenaAnswers, BalenaCall, BalenaFaultKind, BalenaSettings, FromBalena, ToBalena } from './wire.ts';

export class BalenaFault extends Error {
  override readonly name = 'BalenaFault';
  readonly kind: BalenaFaultKind;
  readonly retryAfterS: number;
  constructor(kind: BalenaFaultKind, text: string, retryAfterS = 0) {
    super(text);
    this.kind = kind;
    this.retryAfterS = retryAfterS;
  }
}

interface BalenaProcessParts {
  settings: BalenaSettings;
  /** The folder of the workspace; null: this coordinator has none. */
  home: string | null;
  clock: Clock;
  log: Log;
  withinMs?: number;
}
interface Waiting {
  child: ChildProcess;
  onDevices: (page: BalenaFound['devices']) => void;
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** A look at a large fleet takes some dozen requests; people wait for the others, a few in a row. */
const usualWithinMs: Record<BalenaCall['call'], number> = { look: 60_000, pin: 15_000, prepare: 15_000 };
/** Megabytes of its heap: with forty thousand devices the whole process had 206 MB. */
const maxHeapMb = 256;
const maxWaitingCalls = 32;

export class BalenaProcess {
  readonly #parts: BalenaProcessParts;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | null = null;
  #calls = 0;
  #isStopped = false;

  constructor(parts: BalenaProcessParts) {
    this.#parts = parts;
  }

  /** `onDevices`: called with the pages of a look, before its answer. Rejects with BalenaFault. */
  async call<C extends BalenaCall>(
    asked: C,
    onDevices: Waiting['onDevices'] = () => {},
  ): Promise<BalenaAnswers[C['call']]> {
    const { clock, home, withinMs = usualWithinMs[asked.call] } = this.#parts;
    if (this.#isStopped) throw new BalenaFault('failed', 'the coordinator stops');
    if (home === null)
      throw new BalenaFault(
        'failed',
        'a coordinator that was installed from a release has no balena-sdk: run it from a folder of the project (docs/balena.md)',
      );
    if (!existsSync(`${home}/node_modules/balena-sdk`))
      throw new BalenaFault(
        'failed',
        'balena-sdk is not installed: run `make balena` in the folder of the project, on the machine of the coordinator',
      );
    if (this.#waiting.size >= maxWaitingCalls) throw new BalenaFault('busy', 'too many questions to balena wait');
    this.#child ??= this.#start(home);
    const child = this.#child;
    const id = ++this.#calls;
    const answer = new Promise<BalenaAnswers[C['call']]>((resolve, reject) => {
      this.#waiting.set(id, { child, onDevices, resolve: resolve as Waiting['resolve'], reject });
    });
    tell(child, { id, ...asked });
    const late = () => {
      // The request itself cannot be taken back, but the process of a call that hangs may hang altogether.
      if (this.#child === child) this.#child = null;
      child.kill('SIGKILL');
      return new BalenaFault('late', `balena did not answer within ${Math.round(withinMs / 1000)} s`);
    };
    return withDeadline(clock, withinMs, answer, late).finally(() => this.#waiting.delete(id));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    // It has nothing of its own to save.
    child.kill('SIGKILL');
    await gone;
  }

  #start(home: string): ChildProcess {
    const { settings, log } = this.#parts;
    const child = fork(`${home}/src/process.ts`, [], {
      execArgv: ['--disable-warning=ExperimentalWarning', `--max-old-space-size=${maxHeapMb}`],
      // Its lines come over the channel; what the SDK or Node prints goes where ours goes.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('error', (error) => log.error({ err: error }, 'the process that speaks with balena cannot be started'));
    child.on('message', (message: FromBalena) => this.#heard(message));
    child.on('close', (code, signal) => this.#ended(child, code ?? signal));
    tell(child, { settings });
    return child;
  }

  #heard(message: FromBalena): void {
    if ('log' in message) this.#parts.log.child({ part: 'balena' })[message.log](message.fields, message.text);
    else if ('devices' in message) this.#waiting.get(message.id)?.onDevices(message.devices);
    else if ('value' in message) this.#waiting.get(message.id)?.resolve(message.value as never);
    // Under `node --watch` each process also tells its parent which files it has loaded.
    else if ('fault' in message) {
      const { kind, text, retryAfterS } = message.fault;
      this.#waiting.get(message.id)?.reject(new BalenaFault(kind, text, retryAfterS));
    }
  }

  #ended(child: ChildProcess, how: number | string | null): void {
    if (this.#child === child) this.#child = null;
    for (const { child: asked, reject } of this.#waiting.values())
      if (asked === child) reject(new BalenaFault('failed', `the process that speaks with balena ended (${how})`));
  }
}

function tell(child: ChildProcess, message: ToBalena): void {
  child.send(message, () => {}); // a child that is gone is noticed by its end
}
