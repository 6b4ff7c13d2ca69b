// docs/webhooks.md against the product: the lines that check a signature are run as they stand there, on a message that the product signed, and
// the events that may wake an agent are those that it names.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wakingEvents } from '@blackroad/protocol';
import t from 'tap';
import { secretOf, signedHeaders } from '../../coordinator/src/webhooks/sign.ts';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
const block = (language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] as string;
const folder = mkdtempSync(join(tmpdir(), 'webhooks-page-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const body = JSON.stringify({ type: 'node-lost', data: { text: 'Käse ist weg' } });
const [old, present] = [secretOf('ab'.repeat(24)), secretOf('cd'.repeat(24))];
const headers = signedHeaders({ id: 'w1-7', atMs: 1_780_000_000_999, body }, [present, old]);
const cases: [secret: string, body: string, wanted: boolean][] = [
  [present, body, true],
  [old, body, true],
  [secretOf('ef'.repeat(24)), body, false],
  [present, `${body} `, false],
];

t.test('JavaScript', async (t) => {
  const file = join(folder, 'check.mjs');
  writeFileSync(file, block('js'));
  const { isSigned } = await import(file);
  for (const [secret, text, wanted] of cases) t.equal(isSigned(secret, headers, text), wanted);
});

t.test('Python', async (t) => {
  const file = join(folder, 'check.py');
  const calls = cases.map(([secret, text]) => [secret, headers, text]);
  writeFileSync(
    file,
    `${block('python')}\nimport json, sys\nprint(json.dumps([is_signed(s, h, b.encode()) for s, h, b in json.load(sys.stdin)]))\n`,
  );
  const said = execFileSync('python3', [file], { input: JSON.stringify(calls), encoding: 'utf8' });
  t.same(
    JSON.parse(said),
    cases.map(([, , wanted]) => wanted),
  );
});

t.test('the events that may wake an agent', async (t) => {
  const section = /### Events that may wake an agent\n\n([^[]*)\[/.exec(page)?.[1] ?? '';
  t.same(
    [...section.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
    wakingEvents,
  );
});
