// docs/models.md: its example is a file that counts whole, its fields are those that the file may have, its faults those that there are.
import { readFileSync } from 'node:fs';
import { fetchFaults } from '@blackroad/protocol';
import { readModelFile } from '@blackroad/protocol/model-file';
import { shippedModels, shippedRows } from '@blackroad/protocol/shipped-models';
import t from 'tap';

const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8');
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] as string;

t.test('the example is a file without a fault', async (t) => {
  const { models, faults } = readModelFile(example, 'models.yaml', shippedModels);
  t.same(faults, []);
  t.match(
    models.find(({ name }) => name === 'house-assistant:9b'),
    { sizeBytes: 5.6e9, tools: true, from: 'file', aliases: ['house'] },
  );
  t.match(
    models.find(({ name }) => name === 'qwen2.5-7b-instruct'),
    { tier: 'large', from: 'changed' },
  );
});

t.test('every field of the table is one of the file, and the example shows them all', async (t) => {
  const table = page.slice(page.indexOf('| field |'), page.indexOf('A wrong entry'));
  const fields = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names]) => [
    ...(names as string).matchAll(/`(\w+)`/g),
  ]);
  t.ok(fields.length >= 14);
  for (const [, field] of fields) {
    const { faults } = readModelFile(`models:\n  - name: x\n    sizeGB: 1\n    ${field}: {}\n`, 'f', []);
    t.notOk(faults.join().includes('no field of that name'), field as string);
    t.ok(field === 'kind' || example.includes(`${field}:`), `${field} in the example`);
  }
});

t.test('the faults and the counts are those of the project', async (t) => {
  for (const [name, { text, cure }] of Object.entries(fetchFaults))
    t.ok(page.includes(`| \`${name}\` | ${text} | ${cure} |`), name);
  t.ok(page.includes(`${shippedRows.length} models with name`), `${shippedRows.length} models`);
  t.equal(shippedRows.filter(({ file }) => file).length, 10);
});
