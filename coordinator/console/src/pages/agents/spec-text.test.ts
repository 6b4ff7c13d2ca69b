// A spec to text and back; where faults stand.

import { lineOf } from '@blackroad/protocol/yaml-line';
import t from 'tap';
import { type Draft, readSpec, writeSpec } from './spec-text.ts';

const draft: Draft = {
  instructions: 'Answer.\nBriefly.',
  model: ['auto'],
  name: 'alice',
  tools: [{ tool: 'memory' }, { tool: 'http', hosts: ['a.example'] }],
};
t.test('there and back in both languages, the name first', async (t) => {
  for (const language of ['yaml', 'json'] as const) {
    const text = writeSpec(draft, language);
    t.match(text, language === 'json' ? /^\{\n {2}"name": "alice"/ : /^name: alice\n/);
    t.same(readSpec(text).draft, draft);
  }
});
t.test('short forms are made whole', async (t) => {
  t.same(readSpec('name: x\nmodel: auto\ntools: [memory]\nplacement: { site: home }').draft, {
    name: 'x',
    model: ['auto'],
    tools: [{ tool: 'memory' }],
    placement: { site: ['home'] },
  });
});
t.test('dividers at the ends divide nothing; two agents are one too many', async (t) => {
  for (const text of ['name: x\n---\n', '---\nname: x\n---\n# end\n'])
    t.match(readSpec(text), { draft: { name: 'x' }, faults: { length: 0 } });
  t.match(readSpec('name: x\n---\nname: y\n').faults, [{ line: 2, text: 'This is more than one agent.' }]);
});
t.test('what is no YAML says where', async (t) => {
  const { faults } = readSpec('name: x\nmodel: [a\n');
  t.ok((faults[0]?.line ?? 0) >= 2);
  t.match(readSpec('just words').faults, [{ line: 1, text: /fields with values/ }]);
  t.match(readSpec('').faults, [{ line: 1 }]);
});
t.test('a field is found at its line, or at the part around it', async (t) => {
  const { document, lines } = readSpec('name: x\nlimits:\n  maxTokens: 5\ntools:\n  - tool: http\n    hosts: []\n');
  t.equal(lineOf(document, 'limits.maxTokens', lines), 3);
  t.equal(lineOf(document, 'limits.attempts', lines), 2);
  t.equal(lineOf(document, 'tools.0.hosts', lines), 6);
  t.equal(lineOf(document, 'tools.0.hosts.0', lines), 6);
  t.equal(lineOf(document, 'instructions', lines), 1);
});
