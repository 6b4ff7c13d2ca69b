// The file in which a node keeps which models the fleet fetched to it, when each was last used, and which are pinned. In: a path. Out: the
// rows, and writes of the whole file. A damaged file is set aside: then nothing that was fetched before is removed for want of disk.
import { readFileSync } from 'node:fs';
import { type KeptModels, maxPinsPerNode } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { saveWholeNow } from '@blackroad/std/whole-file';
import { type OnDamage, setAside } from '../files/data-folder.ts';
import type { Fetched } from './eviction.ts';

export interface KeptFile {
  /** By the runtime's name of the model. */
  readonly fetched: Map<string, Fetched>;
  pins: KeptModels;
  /** Never throws: what could not be written is in the log. */
  save(): void;
}

export const maxFetched = 256;

/** `path` may be `:memory:`. */
export function openKeptFile(parts: { path: string; clock: Clock; log: Log; onDamage?: OnDamage }): KeptFile {
  const { path, log } = parts;
  const file: KeptFile = { fetched: new Map(), pins: [], save };
  if (path !== ':memory:') restore();

  function restore(): void {
    try {
      const stored = JSON.parse(readFileSync(path, 'utf8')) as { fetched?: unknown; pins?: unknown };
      for (const row of listOf(stored.fetched).filter(isFetched).slice(0, maxFetched)) file.fetched.set(row.model, row);
      file.pins = listOf(stored.pins).filter(isPin).slice(0, maxPinsPerNode);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      const lost = 'what the fleet fetched here before is not removed for want of disk';
      if (code !== undefined) {
        log.warn({ err: error, path }, `the list of kept models cannot be read; ${lost}`);
        return;
      }
      const text = `${path} was damaged (it is no JSON) and is set aside as ${setAside(path, parts.clock.nowMs())}; ${lost}`;
      if (parts.onDamage) parts.onDamage(text);
      else log.warn({ path }, text);
    }
  }

  function save(): void {
    if (path === ':memory:') return;
    try {
      saveWholeNow(path, JSON.stringify({ fetched: [...file.fetched.values()], pins: file.pins }));
    } catch (error) {
      log.warn({ err: error, path }, 'the list of kept models could not be stored');
    }
  }
  return file;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
function isFetched(row: unknown): row is Fetched {
  const { model, use, usedMs } = (row ?? {}) as Partial<Fetched>;
  return typeof model === 'string' && Number.isSafeInteger(use) && Number.isFinite(usedMs);
}
function isPin(row: unknown): row is KeptModels[number] {
  const { model, fetch } = (row ?? {}) as Partial<KeptModels[number]>;
  return typeof model === 'string' && typeof fetch === 'boolean';
}
