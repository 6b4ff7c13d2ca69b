// One batch at work: its file is checked as a whole, then each request is asked until it has an answer or an error of its own, some of them
// at once. In: the row and the file. Out: answers and errors in files, the row's next states. What is refused for want of a free machine is
// asked again later; only the batch's time, its end by a person, or the loss of its key end that.
import { type Checker, FleetError, maxBatchRequests, type Principal, problems } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { openaiError, statusIn } from '../gateway/dialects/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { wholeAnswer } from '../gateway/whole.ts';
import { AnswersFile } from './answers-file.ts';
import type { BatchRow, Counts } from './batch.ts';
import type { ClientFiles } from './files.ts';
import { type BatchRequest, type Endpoint, linesOf, readLine } from './lines.ts';

interface RunParts {
  files: ClientFiles;
  /** The path of its own files, without their endings. */
  work: string;
  row(): BatchRow;
  save(row: BatchRow): Promise<void>;
  gateway: Gateway;
  stands: (by: Principal) => boolean;
  check: Checker;
  clock: Clock;
  random: Random;
  log: Log;
}
/** Why no further request is asked. */
type End = 'cancelled' | 'expired' | 'stopped' | 'key-gone';

/** Requests of one batch at the gateway; most of them wait there for a machine. */
const atOnce = 64;
const maxFaults = 20;
/** For requests that a machine failed, and not for want of one: with the waits between them, a minute and more. */
const maxTries = 8;
const again: Backoff = { firstMs: 1_000, maxMs: 60_000 };
const forWantOfOne = new Set(['model-busy', 'model-away', 'node-away', 'unavailable', 'rate-limited', 'queue-full']);

export class BatchRun {
  readonly counts: Counts = { completed: 0, failed: 0 };
  readonly done: Promise<void>;
  readonly #parts: RunParts;
  readonly #ended = new AbortController();
  #end: End | null = null;
  #answers: AnswersFile | null = null;
  #errors: AnswersFile | null = null;
  #broken: unknown = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.done = this.#work();
  }

  cancel(): void {
    this.#stopAsking('cancelled');
  }

  async stop(): Promise<void> {
    this.#stopAsking('stopped');
    await this.done.catch(() => {}); // told by whoever began it
  }

  #stopAsking(end: End): void {
    this.#end ??= end;
    this.#ended.abort();
  }

  async #work(): Promise<void> {
    const { clock, row, save } = this.#parts;
    const expiry: Timer = clock.after(row().expiresMs - clock.nowMs(), () => this.#stopAsking('expired'));
    try {
      if (row().state === 'cancelling') this.cancel();
      else if (!(await this.#check())) return;
      await this.#askAll();
      if (this.#end === 'stopped') return;
      const { work, files } = this.#parts;
      const about = { owner: row().owner, name: `${row().id}.jsonl`, purpose: 'batch_output' } as const;
      const keep = async (of: AnswersFile | null, kind: string) =>
        of && of.ids.size > 0 ? (await files.adopt(about, `${work}.${kind}`)).id : undefined;
      const outputFile = await keep(this.#answers, 'answers');
      const errorFile = await keep(this.#errors, 'errors');
      await save({
        ...row(),
        state: this.#end === 'key-gone' ? 'failed' : (this.#end ?? 'completed'),
        ...(this.#end === 'key-gone'
          ? { faults: [{ line: null, message: 'The key of this batch was revoked.' }] }
          : {}),
        endedMs: clock.nowMs(),
        counts: this.counts,
        ...(outputFile === undefined ? {} : { outputFile }),
        ...(errorFile === undefined ? {} : { errorFile }),
      });
    } finally {
      expiry.cancel();
    }
  }

  /** Reads the whole file before anything is asked. False: the batch has failed. */
  async #check(): Promise<boolean> {
    const { row, save, clock } = this.#parts;
    if (row().state === 'in_progress') return true;
    const faults: { line: number | null; message: string }[] = [];
    const ids = new Set<string>();
    for await (const { at, request, fault } of this.#requests()) {
      const twice =
        request && ids.has(request.customId) ? 'custom_id: expected one of its own, got one that came before' : null;
      if (request) ids.add(request.customId);
      if (fault ?? twice) faults.push({ line: at, message: fault ?? (twice as string) });
      if (faults.length >= maxFaults || this.#end) break;
      if (ids.size <= maxBatchRequests) continue;
      faults.push({ line: at, message: `expected at most ${maxBatchRequests} requests, got more` });
      break;
    }
    if (this.#end === 'stopped') return false;
    if (ids.size === 0 && faults.length === 0)
      faults.push({ line: null, message: 'expected requests, the file has none' });
    const nowMs = clock.nowMs();
    if (faults.length > 0) await save({ ...row(), state: 'failed', endedMs: nowMs, faults });
    else await save({ ...row(), ...(this.#end ? {} : { state: 'in_progress' }), startedMs: nowMs, total: ids.size });
    return faults.length === 0;
  }

  async *#requests(): AsyncGenerator<{ at: number; request: BatchRequest | null; fault: string | null }> {
    const { row, files, check } = this.#parts;
    const { input_file_id: file, endpoint } = row().order;
    for await (const { at, text } of linesOf(files.pathOf(file))) {
      try {
        yield { at, request: readLine(text, endpoint as Endpoint, check), fault: null };
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        yield { at, request: null, fault: error.message };
      }
    }
  }

  async #askAll(): Promise<void> {
    const { work } = this.#parts;
    this.#answers = await AnswersFile.open(`${work}.answers`);
    this.#errors = await AnswersFile.open(`${work}.errors`);
    this.counts.completed = this.#answers.ids.size;
    this.counts.failed = this.#errors.ids.size;
    const underWay = new Set<Promise<void>>();
    let room = () => {};
    try {
      for await (const { request } of this.#requests()) {
        if (this.#end) break;
        if (!request || this.#answers.ids.has(request.customId) || this.#errors.ids.has(request.customId)) continue;
        const one: Promise<void> = this.#ask(request)
          .catch((error) => {
            this.#broken ??= error;
            this.#stopAsking('stopped');
          })
          .finally(() => {
            underWay.delete(one);
            room();
          });
        underWay.add(one);
        if (underWay.size < atOnce) continue;
        await new Promise<void>((resolve) => {
          room = resolve;
        });
      }
      await Promise.all(underWay);
      if (this.#end === 'expired') await this.#noteExpired();
    } finally {
      await this.#answers.close();
      await this.#errors.close();
    }
    if (this.#broken) throw this.#broken;
  }

  async #ask({ customId, ask, whole }: BatchRequest): Promise<void> {
    const { clock, random, row, stands } = this.#parts;
    for (let tries = 0, waits = 0; !this.#end; ) {
      if (!stands(row().by)) return this.#stopAsking('key-gone');
      try {
        const { told, answers } = await this.#answerTo(ask);
        return await this.#note(customId, 200, whole(told, answers));
      } catch (error) {
        if (this.#end) return;
        if (!(error instanceof FleetError)) throw error;
        if (!forWantOfOne.has(error.code)) tries++;
        // After a start the nodes, and with them their models, come one after the other.
        const mayTry = problems[error.code].retry || error.code === 'no-such-model';
        if (!mayTry || tries >= maxTries)
          return await this.#note(customId, statusIn('openai', error.code), openaiError(error));
        const wished = (error.details.retryAfterSeconds ?? 0) * 1000;
        // The loop sees that the batch ended meanwhile.
        await sleep(clock, Math.max(wished, backoffMs(again, waits++, random)), this.#ended.signal).catch(() => {});
      }
    }
  }

  async #answerTo(ask: BatchRequest['ask']): Promise<Awaited<ReturnType<typeof wholeAnswer>['answer']>> {
    const { gateway, row } = this.#parts;
    const { answer, stop } = wholeAnswer(gateway, ask, row().by);
    const { signal } = this.#ended;
    let onEnd = () => {};
    const ended = new Promise<never>((_, reject) => {
      onEnd = () => {
        stop();
        reject(new FleetError('unavailable'));
      };
      signal.addEventListener('abort', onEnd, { once: true });
    });
    if (signal.aborted) onEnd();
    return Promise.race([answer, ended]).finally(() => signal.removeEventListener('abort', onEnd));
  }

  async #note(customId: string, status: number, body: object): Promise<void> {
    const isGood = status === 200;
    const id = this.#newId();
    const response = { status_code: status, request_id: `req_${id}`, body };
    const line = { id: `batch_req_${id}`, custom_id: customId, response, error: null };
    await (isGood ? this.#answers : this.#errors)?.add(customId, line);
    this.counts[isGood ? 'completed' : 'failed']++;
  }

  async #noteExpired(): Promise<void> {
    const error = {
      code: 'batch_expired',
      message: 'The time of the batch was over before this request was answered.',
    };
    for await (const { request } of this.#requests()) {
      if (!request || this.#answers?.ids.has(request.customId) || this.#errors?.ids.has(request.customId)) continue;
      const line = { id: `batch_req_${this.#newId()}`, custom_id: request.customId, response: null, error };
      await this.#errors?.add(request.customId, line);
      this.counts.failed++;
    }
  }

  #newId(): string {
    const { clock, random } = this.#parts;
    return sortableId(clock.nowMs(), random);
  }
}
