// The program of docs/verify.md, as it stands there, on real proofs and on changed ones: a stranger who copies it can rely on it.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  commitPayload,
  hashHeader,
  type MemoryEntry,
  type MemoryPayload,
  type MemoryProof,
  type SignedCheckpoint,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../fixtures/coordinator/stored-rows.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/verify.md'), 'utf8');
const program = /^```python\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
const isThere = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const skip =
  isThere('python3', '--version') && isThere('openssl', 'version') ? false : 'python3 and openssl are not here';

function check(proof: unknown, ...args: string[]): { code: number | null; said: string } {
  const run = spawnSync('python3', ['-c', program, ...args], { input: JSON.stringify(proof), encoding: 'utf8' });
  return { code: run.status, said: `${run.stdout}${run.stderr}`.trim() };
}

t.test('it is a page of code', async (t) => {
  const lines = program.split('\n').filter((line) => line.trim() !== '');
  t.ok(lines.length > 20 && lines.length <= 60, `${lines.length} lines`);
});

t.test('real proofs hold, changed ones do not', { skip }, async (t) => {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  const term = await store.claim('test');
  const odd = ['Grüße 😀 "quoted" \\ \u0001 \u2028 \ud800', '', '\n\t', '日本語'];
  const contents = (count: number): Partial<MemoryPayload>[] =>
    Array.from({ length: count }, (_, i) => ({
      text: odd[i % odd.length] as string,
      importance: [0.5, 0, 1, 1e-7, 0.1 + 0.2][i % 5] as number,
      tags: ['a', 'ü'],
    }));
  for (const [agent, count] of [
    ['ada', 7],
    ['bob', 1],
    ['eve', 12],
  ] as const)
    await store.commit(
      [{ type: 'memory', space: 'default', agent, entries: memoryEntries(agent, contents(count)) }],
      term,
    );
  const erased = memoryEntries('gone', [{ text: 'first' }, null]);
  await store.commit([{ type: 'memory', space: 'default', agent: 'gone', entries: erased }], term);
  const fleet = await openApiFleet({ store });
  t.teardown(() => fleet.close());
  // The checkpoints are those of the coordinator itself; no agent of these logs is placed anywhere.
  const checkpoint = (await fleet.context.checkpoints.make()) as SignedCheckpoint;
  t.match(checkpoint, { number: 1, agents: 4, entries: 22, previous: 'genesis' });
  const proofOf = (agent: string, seq: number): Promise<MemoryProof> => fleet.context.checkpoints.proof(agent, seq);
  for (const [agent, seq] of [
    ['ada', 1],
    ['ada', 5],
    ['ada', 7],
    ['bob', 1],
    ['eve', 12],
    ['gone', 2],
  ] as const) {
    const { code, said } = check(await proofOf(agent, seq), checkpoint.key);
    t.equal(code, 0, said);
    t.match(said, `entry ${seq} is under checkpoint 1, signed by ${checkpoint.key}`);
  }

  const proof = await proofOf('ada', 5);
  const forged = (change: Partial<MemoryEntry>): MemoryProof => ({ ...proof, entry: { ...proof.entry, ...change } });
  const payload = { ...(proof.entry.payload as MemoryPayload), text: 'forged' };
  const salt = proof.entry.salt as string;
  const rehashed = (header: MemoryEntry): MemoryEntry => ({ ...header, hash: hashHeader(header) });
  const { key, ...rest } = checkpoint;
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const another = await proofOf('eve', 5);
  const cases: [string, MemoryProof, RegExp][] = [
    ['a later time', forged({ createdAt: 1 }), /header was changed/],
    ['another text', forged({ payload }), /content was changed/],
    ['another salt', forged({ salt: 'f'.repeat(32) }), /content was changed/],
    ['half erased', forged({ payload: null }), /content was changed/],
    [
      'another text that was hashed anew',
      forged(rehashed({ ...proof.entry, payload, payloadCommitment: commitPayload(salt, payload) })),
      /not in the log/,
    ],
    ['the path of another entry', { ...proof, path: (await proofOf('ada', 6)).path }, /not in the log/],
    ['the log of another agent', { ...proof, log: another.log, path: another.path }, /not in the log/],
    ['a shorter log', { ...proof, log: { ...proof.log, entries: 6 } }, /not under the root/],
    ['another root', { ...proof, checkpoint: { ...checkpoint, root: 'a'.repeat(64) } }, /not under the root/],
    ['more entries', { ...proof, checkpoint: { ...checkpoint, entries: 23 } }, /signature does not hold/],
    ['another number', { ...proof, checkpoint: { ...checkpoint, number: 2 } }, /signature does not hold/],
    ['its own key in place of ours', { ...proof, checkpoint: { ...rest, key: other } }, /signature does not hold/],
  ];
  for (const [name, changed, wrong] of cases) {
    const { code, said } = check(changed, ...(name.startsWith('its own') ? [other] : []));
    t.equal(code, 1, `${name}: ${said}`);
    t.match(said, wrong, name);
  }
  t.equal(check(proof, other).code, 1, 'a key that one trusts decides, not that of the proof');
  t.equal(check(proof, key).code, 0);
});
