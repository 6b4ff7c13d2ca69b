// The process that speaks with balena: started when it is first asked something, ended where it does not answer in time, started again by the
// next question. In: calls. Out: answers or BalenaFault. The SDK is large and not the coordinator's own: what hangs or crashes in it costs
// the fleet nothing but the answer.
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
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
  /** The folder of the workspace. */
  home: string;
  clock: Clock;
  log: Log;
  withinMs?: number;
}
interface Waiting {
  child: ChildProcess;
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** A look at a large fleet takes some dozen requests. */
const usualWithinMs = 60_000;
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

  /** Rejects with BalenaFault. */
  async call<C extends BalenaCall>(asked: C): Promise<BalenaAnswers[C['call']]> {
    const { clock, home, withinMs = usualWithinMs } = this.#parts;
    if (this.#isStopped) throw new BalenaFault('failed', 'the coordinator stops');
    if (!existsSync(`${home}/node_modules/balena-sdk`))
      throw new BalenaFault(
        'failed',
        'balena-sdk is not installed: run `make balena` in the folder of the project, on the machine of the coordinator',
      );
    if (this.#waiting.size >= maxWaitingCalls) throw new BalenaFault('busy', 'too many questions to balena wait');
    this.#child ??= this.#start();
    const child = this.#child;
    const id = ++this.#calls;
    const answer = new Promise<BalenaAnswers[C['call']]>((resolve, reject) => {
      this.#waiting.set(id, { child, resolve: resolve as Waiting['resolve'], reject });
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

  #start(): ChildProcess {
    const { settings, home, log } = this.#parts;
    const child = fork(`${home}/src/process.ts`, [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
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
