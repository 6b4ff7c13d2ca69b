// Runs of consolidation: what memory/consolidate.ts and a model of the fleet find among the newest memories of an agent becomes orders to the node
// that writes its log. In: requests of people, and in the quiet hours the memories that came since the last one. Out: inputs `memory-run`, and
// what was found, for people. Runs go one after the other, in small pieces; a model is asked only while nobody else needs it. It changes no
// memory. [decision 37]
import {
  type Checker,
  coordinatorSelf,
  FleetError,
  type GivenMemory,
  type MemoryRun,
  type ModelMessage,
  maxRunEntries,
  maxRunResults,
  maxRunTokens,
  type Principal,
  type RolloutWindow,
  type RunAnswer,
  type RunResult,
  shownResultChars,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type Random, sortableId } from '@blackroad/std/random';
import { groupsOf, type Memory, type Pair, pairKey, pairsOf } from '../memory/consolidate.ts';
import { Judgement, judged, questionAbout } from '../memory/judged.ts';
import { resultsOf, type StoredResult, type Summary } from '../memory/run-results.ts';
import { openRunOf, runsOf } from '../memory/runs.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { isOpen } from '../rollouts/window.ts';
import { insist } from '../state/decision.ts';
import { type RunRow, runState } from '../state/run-rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

export interface NightlyRuns {
  window: RolloutWindow;
  /** Null: words and vectors alone. */
  model: string | null;
}
interface ConsolidatorParts {
  coordinator: Pick<Coordinator, 'submit' | 'view' | 'store' | 'policy'>;
  /** The model whose vectors memories have; null: they have none. */
  vectorModel: () => Promise<string | null>;
  /** Asks a model when nobody else needs it, where it costs nothing. Rejects with FleetError. */
  ask: (model: string, messages: ModelMessage[], by: Principal) => Promise<{ text: string; tokens: number }>;
  read: (row: RunRow) => Promise<StoredResult[]>;
  /** Resolves with the name under which they are kept. */
  keep: (results: readonly StoredResult[]) => Promise<string>;
  /** Lets others have their turn when it is time for that. */
  pace: () => Promise<void> | undefined;
  check: Checker;
  nightly: NightlyRuns | null;
  clock: Clock;
  random: Random;
  log: Log;
}
/** `shown`: write what this look found. */
interface Asked {
  dryRun?: boolean;
  model?: string | null;
  shown?: string;
}
/** What a run would write. */
interface Look {
  id: string;
  agent: string;
  results: readonly StoredResult[];
  /** Without what a look cannot know. */
  answer: Omit<RunAnswer, 'run' | 'shown'>;
  why: string | null;
}
interface Found {
  pairs: Pair[];
  summaries: Summary[];
  tokens: number;
  refused: number;
  /** Why not all questions were asked; null: all were. */
  why: string | null;
}

const lookMs = 60_000;
/** An agent whose run ended early, as nobody had time for it, has its next turn after this. */
const againMs = 10 * 60_000;
const maxWaiting = 4;
/** What was shown can be written for so long, and so many of it are kept. */
const shownMs = 3_600_000;
const maxShown = 16;

export class Consolidator {
  readonly #parts: ConsolidatorParts;
  readonly #ended = new AbortController();
  /** The head of each log when it was looked through, or when it may be looked through again. */
  readonly #looked = new Map<string, { seq: number; againMs: number }>();
  /** By its id what was shown and not written, the oldest first. */
  readonly #shown = new Map<string, { look: Look; untilMs: number }>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #timer: Timer | null = null;

  constructor(parts: ConsolidatorParts) {
    this.#parts = parts;
  }
  start(): void {
    const { clock, log, nightly } = this.#parts;
    this.#forgetAll().catch((error) => log.warn({ err: error }, 'summaries of erased memories could not be removed'));
    if (nightly === null) return;
    let isUnderWay = false;
    this.#timer = clock.every(lookMs, () => {
      if (isUnderWay || !this.#isQuiet()) return;
      isUnderWay = true;
      this.#night(nightly)
        .catch((error) => log.warn({ err: error }, 'memories could not be consolidated'))
        .finally(() => {
          isUnderWay = false;
        });
    });
  }
  stop(): void {
    this.#timer?.cancel();
    this.#ended.abort();
  }

  /** One after the other: each holds some megabytes of vectors. */
  async run(by: Principal, agent: string, { dryRun = false, model = null, shown }: Asked): Promise<RunAnswer> {
    if (this.#waiting >= maxWaiting)
      throw new FleetError('unavailable', {
        detail: `${maxWaiting} consolidations wait for their turn; try again.`,
        retryAfterSeconds: 30,
      });
    this.#waiting++;
    const run = async () => {
      if (!dryRun) this.#insistOnNoOpenRun(agent);
      if (shown !== undefined) return this.#write(by, this.#lookOf(agent, shown));
      const look = await this.#look(by, agent, model);
      return dryRun ? this.#show(look) : this.#write(by, look);
    };
    return this.#inTurn(run).finally(() => this.#waiting--);
  }
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {}); // its caller gets the error
    return done;
  }

  #insistOnNoOpenRun(agent: string): void {
    const { view } = this.#parts.coordinator;
    const open = openRunOf(view, agent);
    if (!open) return;
    const detail = `The run ${open.id} of ${agentNameOf(view, agent)} waits for its node: it is ${runState(open)}.`;
    throw new FleetError('conflict', { detail });
  }

  async #look(by: Principal, agent: string, model: string | null): Promise<Look> {
    const { coordinator, clock, random, vectorModel } = this.#parts;
    const vectors = await vectorModel();
    const memories = await coordinator.store.memoriesToConsolidate({ agent, model: vectors, limit: maxRunEntries });
    const found = await this.#find(by, memories, { model, ...(await this.#known(agent)) });
    const id = sortableId(clock.nowMs(), random);
    const results = resultsOf(id, found, model, maxRunResults);
    const { tokens, refused, why } = found;
    const texts = new Map(memories.map(({ seq, text }) => [seq, text]));
    const shown = results.map((each) => show(each, texts));
    return { id, agent, results, answer: { entries: memories.length, model, tokens, refused, results: shown }, why };
  }

  #show(look: Look): RunAnswer {
    if (look.results.length === 0) return { ...look.answer, run: null, shown: null };
    const now = this.#parts.clock.monotonicMs();
    for (const [id, { untilMs }] of this.#shown)
      if (untilMs <= now || this.#shown.size >= maxShown) this.#shown.delete(id);
    this.#shown.set(look.id, { look, untilMs: now + shownMs });
    return { ...look.answer, run: null, shown: look.id };
  }
  #lookOf(agent: string, id: string): Look {
    const shown = this.#shown.get(id);
    if (shown?.look.agent === agent && shown.untilMs > this.#parts.clock.monotonicMs()) return shown.look;
    const detail = `What ${id} showed is not kept any more, or a run was written since: look again.`;
    throw new FleetError('no-such-run', { detail });
  }

  async #write(by: Principal, { id, agent, results, answer }: Look): Promise<RunAnswer> {
    if (results.length === 0) return { ...answer, run: null, shown: null };
    const { coordinator, keep } = this.#parts;
    const { results: _, ...seen } = answer;
    const row = { id, agent, ...seen, counts: countsOf(results), results: results.length, parts: await keep(results) };
    insist(await coordinator.submit('memory-run', { by, row }));
    // Others may have found the same.
    for (const [id, { look }] of this.#shown) if (look.agent === agent) this.#shown.delete(id);
    // What was erased since it was found.
    if (coordinator.view.erasedUpto.has(agent)) await this.forgetErased(agent);
    const { view } = coordinator;
    return { ...answer, run: showRun(view, view.runs.get(id) as RunRow), shown: null };
  }

  /** What people took back, and what there is a summary of. */
  async #known(agent: string): Promise<{ skip: Set<string>; summarised: string[][] }> {
    const skip = new Set<string>();
    const summarised: string[][] = [];
    for (const row of runsOf(this.#parts.coordinator.view, agent)) {
      for (const { memory } of await this.#parts.read(row)) {
        const { mark, derivedFrom = [] } = memory;
        // One that was made of an erased memory is gone: what is left may be summed up anew.
        if (mark?.how === 'summary' && memory.text !== '') summarised.push(derivedFrom);
        else if (row.undo !== undefined && mark?.of && mark.by)
          skip.add(pairKey({ how: mark.how, of: mark.of, by: mark.by }));
      }
    }
    return { skip, summarised };
  }

  async #find(
    by: Principal,
    memories: readonly Memory[],
    { model, skip, summarised }: { model: string | null; skip: Set<string>; summarised: readonly string[][] },
  ): Promise<Found> {
    // Where a model is asked, it says what replaces what.
    const pairs = await this.#paced(pairsOf(memories, { guesses: model === null, skip }));
    const found: Found = { pairs, summaries: [], tokens: 0, refused: 0, why: null };
    if (model === null) return found;
    const marked = new Set(pairs.map(({ of }) => of));
    const groups = await this.#paced(groupsOf(memories.filter((each) => !marked.has(each))));
    for (const group of groups) {
      if (summarised.some((sources) => group.every(({ hash }) => sources.includes(hash)))) continue;
      found.why = this.#whyStop(by, found.tokens);
      if (found.why !== null) break;
      try {
        await this.#judge(by, model, group, { found, marked, skip });
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        // Nobody has time for it, or the model failed: what was found so far stands.
        found.why = error.message;
        if (found.tokens === 0 && found.pairs.length === 0) throw error;
        break;
      }
    }
    return found;
  }

  #whyStop(by: Principal, tokens: number): string | null {
    if (this.#ended.signal.aborted) return 'the coordinator stops';
    // Only what it began by itself ends with the quiet hours.
    if (by === coordinatorSelf && !this.#isQuiet()) return 'the quiet hours are over';
    return tokens >= maxRunTokens ? `it used ${tokens} tokens` : null;
  }

  async #judge(
    by: Principal,
    model: string,
    group: readonly Memory[],
    { found, marked, skip }: { found: Found; marked: Set<Memory>; skip: ReadonlySet<string> },
  ): Promise<void> {
    const { text, tokens } = await this.#parts.ask(model, questionAbout(group), by);
    found.tokens += tokens;
    const verdict = this.#verdictOf(group, text);
    if (verdict === null) {
      found.refused++;
      return;
    }
    for (const pair of verdict.pairs) {
      if (skip.has(pairKey(pair))) continue;
      if (pair.how !== 'contradicts') {
        if (marked.has(pair.of)) continue;
        marked.add(pair.of);
      }
      found.pairs.push({ ...pair, model });
    }
    const sources = group.filter((each) => !marked.has(each));
    const { summary } = verdict;
    if (summary !== null && sources.length > 1) found.summaries.push({ text: summary, sources });
  }
  #verdictOf(group: readonly Memory[], text: string): ReturnType<typeof judged> {
    try {
      const answer: unknown = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
      return this.#parts.check(Judgement, answer) ? judged(group, answer as Judgement) : null;
    } catch {
      return null;
    }
  }

  async #paced<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      await this.#parts.pace();
    }
  }

  /** What a run found, with the texts as far as they were not erased. */
  async results(row: RunRow): Promise<RunResult[]> {
    const stored = await this.#parts.read(row);
    const seqs = [...new Set(stored.flatMap((each) => each.seqs))];
    const found = await this.#parts.coordinator.store.memoryTexts(row.agent, seqs);
    const texts = new Map(found.map(({ seq, text }) => [seq, text]));
    return stored.map((each) => show(each, texts));
  }

  /** Takes the summaries that were made of erased memories out of what is kept of the runs. [INV-erased] */
  async forgetErased(agent: string): Promise<void> {
    const { coordinator, read, keep } = this.#parts;
    for (const row of runsOf(coordinator.view, agent)) {
      const stored = await read(row);
      const sources = stored.filter(isSummary).flatMap(({ memory }) => memory.derivedFrom ?? []);
      const erased = new Set(sources.length > 0 ? await coordinator.store.erasedAmong(sources) : []);
      const isErased = (each: StoredResult) =>
        isSummary(each) && each.memory.text !== '' && each.memory.derivedFrom?.some((hash) => erased.has(hash));
      if (!stored.some(isErased)) continue;
      const without = stored.map((each) => (isErased(each) ? { ...each, memory: { ...each.memory, text: '' } } : each));
      insist(await coordinator.submit('memory-run-parts', { id: row.id, parts: await keep(without) }));
    }
  }

  /** A process that was killed between an erasure and this. */
  async #forgetAll(): Promise<void> {
    const { view } = this.#parts.coordinator;
    for (const agent of [...view.runsByAgent.keys()]) if (view.erasedUpto.has(agent)) await this.forgetErased(agent);
  }

  async #night({ model }: NightlyRuns): Promise<void> {
    for (const agent of [...this.#parts.coordinator.view.heads.keys()]) {
      if (this.#ended.signal.aborted || !this.#isQuiet()) return;
      if (this.#isDue(agent)) await this.#runOf(agent, model);
    }
  }
  #isQuiet(): boolean {
    const { nightly, clock, coordinator } = this.#parts;
    return nightly !== null && isOpen([nightly.window], clock.nowMs(), coordinator.policy.timeZone);
  }
  #isDue(agent: string): boolean {
    const { view } = this.#parts.coordinator;
    const looked = this.#looked.get(agent);
    if (!view.agents.has(agent) || openRunOf(view, agent)) return false;
    if (looked && this.#parts.clock.monotonicMs() < looked.againMs) return false;
    return looked?.seq !== view.heads.get(agent)?.seq;
  }
  async #runOf(agent: string, model: string | null): Promise<void> {
    const { coordinator, clock, log } = this.#parts;
    const seq = coordinator.view.heads.get(agent)?.seq ?? 0;
    try {
      const { run, why } = await this.#inTurn(async () => {
        const look = await this.#look(coordinatorSelf, agent, model);
        return { run: (await this.#write(coordinatorSelf, look)).run, why: look.why };
      });
      // Its marks make the log longer: there is nothing new in them.
      const own = (run?.results ?? 0) + seq;
      this.#looked.set(
        agent,
        why === null ? { seq: own, againMs: 0 } : { seq: -1, againMs: clock.monotonicMs() + againMs },
      );
      if (run) log.info({ agent, run: run.id, results: run.results }, 'a memory was consolidated');
    } catch (error) {
      this.#looked.set(agent, { seq: -1, againMs: clock.monotonicMs() + againMs });
      if (!(error instanceof FleetError)) log.warn({ agent, err: error }, 'a memory could not be consolidated');
    }
  }
}

const isSummary = ({ memory }: StoredResult) => memory.mark?.how === 'summary';

function countsOf(results: readonly StoredResult[]): MemoryRun['counts'] {
  const counts = { same: 0, replaced: 0, contradicts: 0, summary: 0 };
  for (const { memory } of results) if (memory.mark) counts[memory.mark.how]++;
  return counts;
}

export function showRun(view: View, row: RunRow): MemoryRun {
  const { space: _, parts: __, undo: ___, agent, ...run } = row;
  return { ...run, agent: agentNameOf(view, agent), state: runState(row) };
}

function show({ memory, seqs }: StoredResult, texts: ReadonlyMap<number, string>): RunResult {
  const { mark, text } = memory as GivenMemory & Required<Pick<GivenMemory, 'mark'>>;
  const shown = (of: string) => of.slice(0, shownResultChars).toWellFormed();
  return {
    how: mark.how,
    model: mark.model,
    sources: seqs.map((seq) => ({ seq, text: shown(texts.get(seq) ?? '') })),
    ...(mark.how === 'summary' ? { text } : {}),
  };
}
