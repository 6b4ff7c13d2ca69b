// A look at the runtimes of this node: the models that each has now. In: the runtimes. Out: models with the runtime that serves each, and
// the error of each runtime that did not answer. A runtime that is only slow keeps its models for a while; one that refuses the connection
// has none. Asks all runtimes at once, and waits for none longer than the deadline.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { ModelServer } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Runtime, RuntimeModel } from '../runtimes/runtime.ts';
import type { ModelKind } from './default-models.ts';
import type { ModelSituation } from './model-notes.ts';
import { createToldModels } from './told-models.ts';

export interface Served {
  runtime: Runtime;
  model: RuntimeModel;
}
export interface Look {
  served: Served[];
  /** Runtimes whose models are not known now, with the error of each. */
  silent: ReadonlyMap<Runtime, Error>;
  /** How many models of a runtime are not served, because they cannot be reported to the fleet. */
  leftOut: ReadonlyMap<Runtime, number>;
}

/** Shorter than the runtimes' own deadline for a quick answer, so that a late answer can be distinguished from none. */
const lookDeadlineMs = 4000;
/** A server that works on a long prompt may be slow for a minute; one that hangs for longer counts as gone. */
const slowForMs = 120_000;

export function createModelLook(parts: { clock: Clock; log: Log }): (runtimes: readonly Runtime[]) => Promise<Look> {
  const { clock, log } = parts;
  const known = new Map<Runtime, { models: RuntimeModel[]; atMs: number }>();

  async function ask(runtime: Runtime): Promise<RuntimeModel[] | Error> {
    const stop = new AbortController();
    let isLate = false;
    const late = () => {
      isLate = true;
      return new RuntimeError('unavailable', `it did not list its models within ${lookDeadlineMs / 1000} s`);
    };
    try {
      const models = await withDeadline(clock, lookDeadlineMs, runtime.models(stop.signal), late);
      known.set(runtime, { models, atMs: clock.monotonicMs() });
      return models;
    } catch (error) {
      log.warn({ err: error, runtime: runtime.label }, 'a runtime does not say which models it has');
      const before = known.get(runtime);
      if (isLate && before && clock.monotonicMs() - before.atMs < slowForMs) return before.models;
      return error as Error;
    } finally {
      stop.abort();
    }
  }

  return async (runtimes) => {
    const answers = await Promise.all(runtimes.map(ask));
    for (const runtime of known.keys()) if (!runtimes.includes(runtime)) known.delete(runtime);
    const silent = new Map<Runtime, Error>();
    const leftOut = new Map<Runtime, number>();
    const all: Served[] = [];
    const toldOf = createToldModels();
    for (const [index, runtime] of runtimes.entries()) {
      const answer = answers[index] as RuntimeModel[] | Error;
      if (answer instanceof Error) {
        silent.set(runtime, answer);
        continue;
      }
      const told = toldOf(answer);
      for (const model of told) all.push({ runtime, model });
      if (told.length < answer.length) leftOut.set(runtime, answer.length - told.length);
    }
    return { served: withoutDoubles(all, runtimes, known), silent, leftOut };
  };
}

/** Kinds that no runtime here serves; none while a runtime does not answer, because it may have them. */
export function lackingKinds({ served, silent }: Look): ModelKind[] {
  if ([...silent.keys()].some(({ standsIn }) => !standsIn)) return [];
  return (['chat', 'embed'] as const).filter(
    (kind) => !served.some(({ model }) => isOwn(model) && model.kind === kind),
  );
}

/** Vectors that cost money are for those who name their model; the memories of this node need vectors at every step, from one of its own. */
function isOwn({ kind, price }: Pick<RuntimeModel, 'kind' | 'price'>): boolean {
  return kind === 'chat' || price === undefined;
}

/** The state of each runtime after the look, for words to people. */
export function standOf(runtimes: readonly Runtime[], { served, silent, leftOut }: Look): ModelSituation['runtimes'] {
  return runtimes.map((runtime) => {
    const error = silent.get(runtime);
    return {
      kind: runtime.kind,
      label: runtime.label,
      standsIn: runtime.standsIn ?? false,
      kinds: [
        ...new Set(
          served.filter((each) => each.runtime === runtime && isOwn(each.model)).map(({ model }) => model.kind),
        ),
      ],
      problem: error ? { code: error instanceof RuntimeError ? error.code : null, text: error.message } : null,
      notes: [...leftWords(runtime.label, leftOut.get(runtime)), ...(runtime.notes?.() ?? [])],
    };
  });
}

function leftWords(label: string, count = 0): string[] {
  const why = 'they are more than a node can tell of, or their names are longer than 200 characters';
  return count > 0 ? [`${count} of the models of ${label} are not used: ${why}`] : [];
}

/**
 * A runtime that stands in serves a kind only while the others are known not to have it: a short absence does not count. Of two servers with
 * a model of one name the first serves it.
 */
function withoutDoubles(
  all: Served[],
  runtimes: readonly Runtime[],
  known: ReadonlyMap<Runtime, { models: RuntimeModel[] }>,
): Served[] {
  const kinds = new Set<RuntimeModel['kind']>();
  for (const runtime of runtimes)
    if (!runtime.standsIn)
      for (const model of known.get(runtime)?.models ?? []) if (isOwn(model)) kinds.add(model.kind);
  const names = new Set<string>();
  return all.filter(({ runtime, model }) => {
    if ((runtime.standsIn && kinds.has(model.kind)) || names.has(model.name)) return false;
    names.add(model.name);
    return true;
  });
}

/** What `auto` means: a loaded chat model, else the largest. */
export function defaultChatOf(models: readonly RuntimeModel[]): string | null {
  const chats = models.filter(({ kind }) => kind === 'chat');
  const best = chats.toSorted((a, b) => Number(b.resident) - Number(a.resident) || b.sizeBytes - a.sizeBytes)[0];
  return best?.name ?? null;
}
/** The model that embeds memories: a loaded one, else the first. */
export function embedderOf(served: readonly Served[]): Served | null {
  const all = served.filter(({ model }) => model.kind === 'embed' && isOwn(model));
  return all.find(({ model }) => model.resident) ?? all[0] ?? null;
}

/** Servers that the coordinator may ask itself, each with the models that it has loaded. */
export function directServers(runtimes: readonly Runtime[], { served }: Look): ModelServer[] {
  return runtimes.flatMap((runtime) => {
    const server = runtime.direct?.();
    if (!server) return [];
    const own = served.filter((each) => each.runtime === runtime && each.model.resident);
    return [{ ...server, models: own.map(({ model }) => model.name) }];
  });
}
