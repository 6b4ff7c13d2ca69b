// A real VS Code in a browser: the package code-server of npm, installed once and kept. Its scripts are not run; what it needs of native libraries is
// built here. Needs the network the first time.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fetched, isFetched, npm, quietly } from '../fetched.ts';

export const version = '4.139.1';
const inside = 'node_modules/code-server';
/** Without these its server or its extension host does not start. */
const native = ['@vscode/spdlog', '@vscode/native-watchdog', 'node-pty'];
/** Its own condition. */
const nodeMajor = 24;

/** Why it cannot be had here; null: it can, or is there. */
export function whyNotHere(): string | null {
  if (!existsSync('/usr/bin/chromium')) return 'chromium is not installed (Debian: apt-get install chromium)';
  if (Number(process.versions.node.split('.')[0]) !== nodeMajor)
    return `code-server runs on Node ${nodeMajor}, this is ${process.versions.node}`;
  if (isFetched('code-server', version)) return null;
  for (const program of ['g++', 'make', 'python3'])
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed (Debian: apt-get install build-essential python3)`;
    }
  return null;
}

/** The program that starts it. */
export function codeServer(say: (line: string) => void): string {
  const folder = fetched('code-server', version, 'some minutes', say, (part) => {
    // The headers of this Node, where they lie beside it: else they are fetched.
    const home = resolve(dirname(process.execPath), '..');
    const headers = existsSync(join(home, 'include/node')) ? { npm_config_nodedir: home } : {};
    const code = join(part, inside, 'lib/vscode');
    const env = { ...process.env, ...headers };
    npm(code, ['install', '--omit=dev', ...quietly], env);
    npm(code, ['rebuild', '--ignore-scripts=false', '--no-audit', '--no-fund', ...native], env);
  });
  return join(folder, inside, 'out/node/entry.js');
}

/** The version of VS Code that is in it. */
export function vscodeVersion(program: string): string {
  const text = readFileSync(join(dirname(program), '../../lib/vscode/package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
