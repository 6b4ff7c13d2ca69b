// A real VS Code in a browser: the package code-server of npm, installed once and kept. Its scripts are not run; what it needs of native libraries is
// built here. Needs the network the first time.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const version = '4.139.1';
const folder = resolve(import.meta.dirname, `../../../.integrations/code-server-${version}`);
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
  if (existsSync(folder)) return null;
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
  const program = (at: string) => join(at, inside, 'out/node/entry.js');
  if (existsSync(folder)) return program(folder);
  say(`installing code-server ${version}: some minutes, once`);
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), '{"private":true}');
  const [command = 'npm', ...before] = (process.env.NPM ?? 'npm').split(' ');
  // The headers of this Node, where they lie beside it: else they are fetched.
  const home = resolve(dirname(process.execPath), '..');
  const headers = existsSync(join(home, 'include/node')) ? { npm_config_nodedir: home } : {};
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync(command, [...before, ...args, '--no-audit', '--no-fund'], {
      ...{ cwd, env: { ...process.env, ...headers }, stdio: ['ignore', 'ignore', 'ignore'] },
    });
  npm(part, 'install', `code-server@${version}`, '--ignore-scripts');
  const code = join(part, inside, 'lib/vscode');
  npm(code, 'install', '--omit=dev', '--ignore-scripts');
  npm(code, 'rebuild', '--ignore-scripts=false', ...native);
  renameSync(part, folder);
  return program(folder);
}

/** The version of VS Code that is in it. */
export function vscodeVersion(program: string): string {
  const text = readFileSync(join(dirname(program), '../../lib/vscode/package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
