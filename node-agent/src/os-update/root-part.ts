// The part of the installation that runs as root (node-agent/os-update), as this process sees it: it leaves an order of one word, and reads what
// that part tells. In: its files, which only root writes. Out: the order, in a file of the data folder, which a unit of systemd watches.
import { closeSync, existsSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { explain, OsPackages, type OsUpdates, type Static, type TSchema, Type } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { saveWhole } from '@blackroad/std/whole-file';

const maxFileBytes = 64 * 1024;
const Text = Type.String({ maxLength: 700 });
const Stand = Type.Object({
  takes: Type.Array(OsPackages, { maxItems: 2 }),
  why: Text,
  security: Type.Optional(Type.Integer({ minimum: 0 })),
  others: Type.Optional(Type.Integer({ minimum: 0 })),
  lists: Text,
  seen: Text,
});
const Version = Type.String({ maxLength: 300 });
const RootResult = Type.Object({
  run: Type.String({ maxLength: 64 }),
  job: Type.String({ maxLength: 20 }),
  state: Type.OneOf(['running', 'done', 'unneeded', 'refused', 'failed']),
  text: Text,
  packages: Type.Array(Type.Object({ name: Version, from: Version, to: Version }), { maxItems: 50 }),
  count: Type.Integer({ minimum: 0 }),
});
export type RootResult = Static<typeof RootResult>;
type RootWord = 'security' | 'all' | 'restart' | 'look';

export interface RootPlaces {
  /** Where the order is left. */
  data: string;
  /** The folder of root's part. */
  stand: string;
  dpkgStatus: string;
  restartNeeded: string;
  bootId: string;
}
const rootPlaces: RootPlaces = {
  data: '/var/lib/blackroad-node',
  stand: '/var/lib/blackroad-os',
  dpkgStatus: '/var/lib/dpkg/status',
  restartNeeded: '/run/reboot-required',
  bootId: '/proc/sys/kernel/random/boot_id',
};

export type RootPart = ReturnType<typeof openRootPart>;
/** Null: it is not installed, or looks for orders in another folder than that of this process. */
export function findRootPart(data: string, log: Log, places = rootPlaces): RootPart | null {
  return data === places.data && existsSync(places.stand) ? openRootPart(places, log) : null;
}

export function openRootPart(places: RootPlaces, log: Log) {
  const orderFile = join(places.data, 'os-order');
  const told = new Map<string, string>();
  function read<S extends TSchema>(name: string, schema: S): Static<S> | null {
    const text = start(join(places.stand, name), maxFileBytes);
    if (text === null) return null;
    let fault: string;
    try {
      const value: unknown = JSON.parse(text);
      fault = explain(schema, value);
      if (fault === '') return value as Static<S>;
    } catch (error) {
      fault = (error as Error).message;
    }
    if (told.get(name) !== text) log.warn({ problem: fault }, `${name} of the part that runs as root cannot be read`);
    told.set(name, text);
    return null;
  }
  const restartNeeded = () => existsSync(places.restartNeeded);
  return {
    /** What the machine can take and what waits for it. */
    stand(): OsUpdates {
      const stand = read('stand.json', Stand);
      const restartFor = namesIn(start(`${places.restartNeeded}.pkgs`, maxFileBytes) ?? '');
      return {
        takes: stand?.takes ?? [],
        ...(stand === null
          ? { why: 'it has not looked what it can take yet' }
          : stand.why === ''
            ? {}
            : { why: stand.why.slice(0, 300) }),
        ...(stand?.security === undefined ? {} : { security: stand.security, others: stand.others ?? 0 }),
        restart: restartNeeded(),
        ...(restartNeeded() && restartFor.length > 0 ? { restartFor } : {}),
      };
    },
    result: () => read('result.json', RootResult),
    restartNeeded,
    bootId: () => start(places.bootId, 100)?.trim() ?? '',
    /** Whether packages or lists of packages are others than at the last look. */
    isOutdated(): boolean {
      const stand = read('stand.json', Stand);
      return stand === null || stand.seen !== `${secondsOf(places.dpkgStatus)} ${secondsOf(stand.lists)}`;
    },
    isWaiting: () => existsSync(orderFile),
    order: (word: RootWord) => saveWhole(orderFile, `${word}\n`),
    withdraw: () => rmSync(orderFile, { force: true }),
  };
}

/** The beginning of a small file; null: it cannot be read. */
function start(path: string, most: number): string | null {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(most);
      return bytes.toString('utf8', 0, readSync(file, bytes, 0, most, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
function secondsOf(path: string): number {
  try {
    return Math.floor(statSync(path).mtimeMs / 1000);
  } catch {
    return 0;
  }
}
function namesIn(text: string): string[] {
  const names = text.split('\n').filter((name) => /^[a-z0-9][a-z0-9+.:-]{0,99}$/.test(name));
  return [...new Set(names)].slice(0, 8);
}
