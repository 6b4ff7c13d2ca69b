// What the parts of install-check share: a command on the other machine that must say something, and the releases of the coordinator.
import assert from 'node:assert/strict';
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Release } from '@blackroad/protocol';
import type { Fleet } from '../fixtures/processes.ts';
import type { Machine } from './machine.ts';

export const say = (words: string) => process.stdout.write(`  ${words}\n`);
const indented = (words: string) => words.trimEnd().replace(/^/gm, '    | ');

export async function expected(
  machine: Machine,
  what: string,
  command: string,
  code: number,
  words: RegExp,
): Promise<void> {
  const beganMs = performance.now();
  const said = await machine.run(command);
  say(`${what} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`);
  process.stdout.write(`${indented(said.text)}\n`);
  assert.equal(said.code, code, what);
  assert.match(said.text, words, what);
}

export async function add({ client }: Fleet, file: string): Promise<Release> {
  const fields = { signature: readFileSync(`${file}.minisig`, 'utf8') };
  const content = () => createReadStream(file);
  return client.upload('releaseAdd', { name: 'x.tar.gz', bytes: statSync(file).size, fields, content });
}
export async function removeAll({ client }: Fleet): Promise<void> {
  for (const { sha256 } of (await client.call('releases')).releases)
    await client.call('releaseRemove', { params: { release: sha256 } });
}
/** As somebody on the way, or a bad disk of the coordinator, would. */
export function damage(fleet: Fleet, { sha256 }: Release): void {
  const kept = join(fleet.folder, 'coordinator/releases', sha256);
  const bytes = readFileSync(kept);
  bytes[bytes.length - 5000]! ^= 1;
  writeFileSync(kept, bytes);
}
