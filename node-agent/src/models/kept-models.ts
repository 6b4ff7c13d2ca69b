// Which models stay on this node's disk: those that are pinned here, and how those that the fleet fetched go when the disk fills up, the
// least recently used first. In: fetches, uses, pins, and the present models. Out: one small file, and removals. Never removes a model that
// the fleet did not fetch: the models of the machine's owner are the owner's. Never one that an agent here needs, that is pinned, loaded, or
// the last of its kind. A use is noted in memory, and written at most once an hour.
import { type KeptModels, modelKey } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { OnDamage } from '../files/data-folder.ts';
import type { RuntimeModel } from '../runtimes/runtime.ts';
import { isPressed, nextToGo } from './eviction.ts';
import { type KeptFile, maxFetched, openKeptFile } from './kept-file.ts';

export interface KeptModelsBook {
  /** The fleet fetched this model, which was not here before. */
  fetched(model: string): void;
  /** For every answer: costs a map entry. */
  used(model: string): void;
  gone(model: string): void;
  /** The whole list of pins. */
  keep(pins: KeptModels): void;
  /** Names of the models here that the fleet fetched. */
  evictable(models: readonly RuntimeModel[]): string[];
  /** After every look at the runtimes: wants what is pinned, and removes models while the disk is too full. Never rejects. */
  looked(): Promise<void>;
  close(): void;
}

export interface KeptPlace {
  /** May be `:memory:`. */
  path: string;
  /** The share of the disk, from 0 to 1, above which models are removed; 1: never. */
  diskLimit: number;
  onDamage?: OnDamage;
}
interface Parts extends KeptPlace {
  diskUsed: () => number;
  models: () => readonly RuntimeModel[];
  /** Whether an agent or a pin needs it, an answer is under way, or it is being fetched. */
  isNeeded: (model: RuntimeModel) => boolean;
  /** A pin wants its model here, under a name that no agent has; or no longer. */
  want: (by: string, model: string) => void;
  drop: (by: string) => void;
  remove: (model: string) => Promise<void>;
  onEvicted: (evicted: { model: string; bytes: number; usedMs: number }) => void;
  clock: Clock;
  log: Log;
}

const saveMs = 3_600_000;
/** Of one look: between two, capacity is reported and agents may come. */
const mostAtOnce = 8;
/** After a removal that freed nothing here: the models lie on another disk. */
const pauseMs = 24 * 3_600_000;

export function openKeptModels(parts: Parts): KeptModelsBook {
  const { path, clock, log } = parts;
  const file = openKeptFile(parts);
  const { fetched } = file;
  const relieve = createRelief(parts, file);
  let uses = Math.max(0, ...[...fetched.values()].map(({ use }) => use));
  let unsaved = false;
  let hasLooked = false;
  const save = () => {
    unsaved = false;
    file.save();
  };
  const timer = path === ':memory:' ? null : clock.every(saveMs, () => unsaved && save());

  function wantPinned(before: KeptModels): void {
    const wanted = new Set(file.pins.filter(({ fetch }) => fetch).map(({ model }) => model));
    for (const { model } of before) if (!wanted.has(model)) parts.drop(`pin:${model}`);
    for (const model of wanted) parts.want(`pin:${model}`, model);
  }

  return {
    fetched(model) {
      if (!fetched.has(model) && fetched.size >= maxFetched) fetched.delete(fetched.keys().next().value as string);
      fetched.set(model, { model, use: ++uses, usedMs: clock.nowMs() });
      save();
    },
    used(model) {
      if (!fetched.has(model)) return;
      fetched.set(model, { model, use: ++uses, usedMs: clock.nowMs() });
      unsaved = true;
    },
    gone(model) {
      if (fetched.delete(model)) save();
    },
    keep(now) {
      if (JSON.stringify(now) === JSON.stringify(file.pins)) return;
      const before = file.pins;
      file.pins = now;
      save();
      if (hasLooked) wantPinned(before);
    },
    evictable: (models) => models.filter(({ name }) => fetched.has(name)).map(({ name }) => name),
    async looked() {
      // Before the first look, a model that is on the disk would be fetched.
      if (!hasLooked) wantPinned([]);
      hasLooked = true;
      await relieve().catch((error) => log.warn({ err: error }, 'no model could be removed from the full disk'));
    },
    close() {
      timer?.cancel();
      if (unsaved) save();
    },
  };
}

/** Removes models while the disk is too full. */
function createRelief(parts: Parts, file: KeptFile): () => Promise<void> {
  const { clock, log } = parts;
  const { fetched } = file;
  let isPressing = false;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  function isPinned({ name, aliases }: RuntimeModel): boolean {
    const keys = [name, ...aliases].map(modelKey);
    return file.pins.some(({ model }) => keys.includes(modelKey(model)));
  }
  function candidates(): RuntimeModel[] {
    const all = parts.models();
    const isLast = ({ kind }: RuntimeModel) => all.filter((each) => each.kind === kind).length === 1;
    return all.filter((model) => {
      if (!fetched.has(model.name) || model.resident || isLast(model)) return false;
      return !isPinned(model) && !parts.isNeeded(model);
    });
  }
  async function removeNext(used: number): Promise<boolean> {
    const next = nextToGo(candidates(), fetched);
    if (!next) return false;
    const { name, sizeBytes } = next;
    const usedMs = fetched.get(name)?.usedMs ?? 0;
    await parts.remove(name);
    fetched.delete(name);
    file.save();
    log.info({ model: name, bytes: sizeBytes, diskUsed: used }, 'a model was removed: the disk is nearly full');
    parts.onEvicted({ model: name, bytes: sizeBytes, usedMs });
    if (parts.diskUsed() < used) return true;
    pausedUntilMs = clock.monotonicMs() + pauseMs;
    const elsewhere =
      'removing a model freed nothing on this disk: models lie elsewhere, and none is removed for a day';
    log.warn({ model: name }, elsewhere);
    return false;
  }

  return async () => {
    if (clock.monotonicMs() < pausedUntilMs) return;
    for (let count = 0; count < mostAtOnce; count++) {
      const used = parts.diskUsed();
      isPressing = isPressed(used, parts.diskLimit, isPressing);
      if (!isPressing || !(await removeNext(used))) return;
    }
  };
}
