// How this project's commands are called from the current folder: every printed hint runs as printed. In: the folders of the project and of
// the fleet's data, and the command as typed. Out: the words before a verb.
import { realpathSync } from 'node:fs';
import { delimiter, join, relative, resolve } from 'node:path';

export interface Invocation {
  /** `bin/fleet agents show x`, with the path and the data folder that it needs here. */
  fleet(words: string): string;
  /** The path of a file of the project, from the current folder. */
  file(path: string): string;
  /** The node-agent's command in the same form, without a data folder: the node has its own default. */
  fleetNode(words: string): string;
  /** `make down`, with the folder of the project and the variables that it needs. */
  make(target: string): string;
}

interface Where {
  root: string;
  data: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Flags that name a fleet elsewhere, as they were typed. */
  elsewhere?: { coordinator?: string | undefined; ca?: string | undefined };
}

export function invocationOf({ root, data, cwd, env, elsewhere }: Where): Invocation {
  const home = resolve(root);
  const here = resolve(cwd) === home;
  const command = (name: string) =>
    onPath(name, join(home, 'bin', name), env) ? name : quoted(here ? `bin/${name}` : join(home, 'bin', name));
  const place = elsewhere?.coordinator
    ? ` --coordinator ${quoted(elsewhere.coordinator)}${elsewhere.ca ? ` --ca ${quoted(elsewhere.ca)}` : ''}`
    : resolve(data) === join(home, 'data')
      ? ''
      : ` --data ${quoted(here ? nearest(home, data) : resolve(data))}`;
  const called = `${command('fleet')}${place}`;
  const fleet = (words: string) => `${called} ${words}`;
  return {
    fleet,
    file: (path) => quoted(here ? path : join(home, path)),
    fleetNode: (words) => `${command('fleet-node')} ${words}`,
    make: (target) =>
      `make ${here ? '' : `-C ${quoted(home)} `}${target}${resolve(data) === join(home, 'data') ? '' : ` DATA=${quoted(resolve(data))}`}`,
  };
}

/** Whether typing the bare name runs this project's command. */
function onPath(name: string, own: string, env: Where['env']): boolean {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    try {
      if (folder !== '' && realpathSync(join(folder, name)) === realpathSync(own)) return true;
    } catch {
      // No such file in that folder.
    }
  }
  return false;
}

/** The shorter form of a path: relative to the project's folder where it lies inside. */
function nearest(home: string, path: string): string {
  const inside = relative(home, resolve(path));
  return inside.startsWith('..') ? resolve(path) : inside;
}

/** Quotes a word for a POSIX shell where that is needed. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
