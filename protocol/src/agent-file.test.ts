import t from 'tap';
import { readAgentFile } from './agent-file.ts';
import { FleetError } from './problem.ts';

function refusal(text: string): string {
  try {
    readAgentFile(text, 'agent.yaml');
  } catch (error) {
    if (error instanceof FleetError && error.code === 'invalid-request') return error.message;
    throw error;
  }
  return '';
}

t.test('three lines make a whole agent', async (t) => {
  const [spec] = readAgentFile('name: greeter\nmodel: auto\ninstructions: Hello.\n', 'agent.yaml');
  t.match(spec, {
    name: 'greeter',
    model: ['auto'],
    concurrency: 1,
    memory: { recall: 5, remember: 'turns' },
    onLoss: { policy: 'replace' },
  });
});

t.test('short forms mean what people expect', async (t) => {
  const [spec] = readAgentFile(
    'name: a\ninstructions: ""\ntools: [node, { tool: http, hosts: [example.org] }]\nplacement: { class: pi }\n',
    'agent.yaml',
  );
  t.same(spec?.model, ['auto'], 'no model is any model');
  t.same(spec?.tools, [{ tool: 'node' }, { tool: 'http', hosts: ['example.org'] }]);
  t.same(spec?.placement.class, ['pi']);
});

t.test('several agents in one file, and JSON too', async (t) => {
  t.same(
    readAgentFile('name: a\ninstructions: ""\n---\nname: b\ninstructions: ""\n', 'x').map(({ name }) => name),
    ['a', 'b'],
  );
  t.equal(readAgentFile('{"name":"j","model":["auto"],"instructions":""}', 'x')[0]?.name, 'j');
});

t.test('dividers at the ends of a file divide nothing', async (t) => {
  const one = 'name: a\nmodel: auto\ninstructions: x\n';
  for (const text of [`${one}---\n`, `---\n${one}---`, `${one}---\n# the end\n`, `---\n---\n${one}...\n`])
    t.match(readAgentFile(text, 'x.yaml'), [{ name: 'a' }], JSON.stringify(text));
  t.throws(() => readAgentFile('---\n', 'x.yaml'), { message: 'x.yaml: holds no agent.' });
});

t.test('every fault points at its line', async (t) => {
  const cases: [string, RegExp][] = [
    ['name: Bad Name\ninstructions: ""\n', /^agent\.yaml:1: name: expected a name of .*, got "Bad Name"$/],
    ['name: a\ninstructions: ""\nconcurrency: 0\n', /^agent\.yaml:3: concurrency: expected .*1, got 0$/],
    [
      'name: a\ninstructions: ""\nplacement:\n  labels: {}\n  class:\n    - pi\n    - 5\n',
      /^agent\.yaml:7: placement\.class\.1: expected string.*, got 5$/,
    ],
    [
      'name: a\ninstructions: ""\nonLoss:\n  policy: panic\n',
      /^agent\.yaml:4: onLoss\.policy: expected "replace" or "wait" or "keep", got "panic"$/,
    ],
    ['name: a\ninstructions: ""\nprompt: hi\n', /^agent\.yaml:3: prompt: expected no field of that name, got "hi"$/],
    ['name: a\n', /instructions: expected a value \(it is required\), got nothing$/],
    ['name: a\n  instructions: [\n', /^agent\.yaml:\d: \(file\): expected YAML, got /],
    ['- just\n- a list\n', /agent\.yaml:1: \(root\): expected object/],
    ['name: a\ninstructions: ""\n---\nname: b\n', /^agent\.yaml:4: instructions: expected a value/],
    ['', /^agent\.yaml: holds no agent\.$/],
    ['# only a comment\n', /^agent\.yaml: holds no agent\.$/],
  ];
  for (const [text, words] of cases) t.match(refusal(text), words, JSON.stringify(text));
});

t.test('all faults are said at once, in the order of the file', async (t) => {
  const lines = refusal('name: B\nmodel: []\ninstructions: 5\n').split('\n');
  t.equal(lines.length, 3);
  t.same(
    lines.map((line) => line.split(':')[1]),
    ['1', '2', '3'],
  );
});
