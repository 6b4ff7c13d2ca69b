// What a run finds by words and vectors: which pairs, and above all which not.
import { maxSummarySources } from '@blackroad/protocol';
import t from 'tap';
import { groupsOf, type Memory, type Pair, pairKey, pairsOf } from './consolidate.ts';
import { type Judgement, judged, questionAbout } from './judged.ts';
import { resultsOf } from './run-results.ts';

const hashOf = (seq: number) => seq.toString(16).padStart(64, '0');
/** The angle, in degrees, says what it is about. */
const memory = (seq: number, text: string, angle: number | null = null): Memory => ({
  ...{ seq, hash: hashOf(seq), kind: 'turn', text },
  vector: angle === null ? null : Float32Array.of(Math.cos((angle / 180) * Math.PI), Math.sin((angle / 180) * Math.PI)),
});
const turn = (said: string, answered = 'I see.') => `User: ${said}\nAssistant: ${answered}`;
function drained<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
const found = (memories: Memory[], { guesses = true, skip = new Set<string>() } = {}) =>
  drained(pairsOf(memories, { guesses, skip })).map(({ how, of, by }: Pair) => `${of.seq} ${how} ${by.seq}`);

t.test('the same words are the same memory, the newest of them counts', async (t) => {
  t.same(
    found([memory(1, 'Tea at eight.'), memory(2, 'Rain.'), memory(3, 'tea at EIGHT'), memory(4, 'Tea, at eight!')]),
    ['1 same 4', '3 same 4'],
  );
  t.same(found([memory(1, '...'), memory(2, '???')]), [], 'without words there is nothing to compare');
});

t.test('a statement with another answer is the same only where the vectors say so; a question never is', async (t) => {
  const [a, b] = [turn('I live in Oslo.'), turn('I live in Oslo.', 'You told me so.')];
  t.same(found([memory(1, a, 0), memory(2, b, 5)]), ['1 same 2']);
  t.same(found([memory(1, a, 0), memory(2, b, 40)]), []);
  t.same(found([memory(1, a), memory(2, b)]), []);
  const [c, d] = [turn('How warm is it?', '20 degrees'), turn('How warm is it?', '9 degrees')];
  t.same(found([memory(1, c, 0), memory(2, d, 0)]), []);
});

t.test('a later statement about the same matter replaces an earlier one, the newest all before it', async (t) => {
  const lives = [turn('I live in Oslo.'), turn('I live in Graz now.'), turn('Now I live in Cork.')];
  const log = lives.map((text, at) => memory(at + 1, text, 10 * at));
  const others = ['The train was late again', 'My sister plays chess', 'Rice has to cook long'].map((text, at) =>
    memory(at + 9, turn(text), 120 + at),
  );
  t.same(found([...log, ...others]), ['1 replaced 3', '2 replaced 3']);
  t.same(found([...log, ...others], { guesses: false }), [], 'a model is asked instead');
  t.same(found(log.map((each, at) => ({ ...each, vector: memory(0, '', 90 * at).vector }))), [], 'about other matters');
  t.same(found([memory(1, turn('Where do I live in Oslo?'), 0), memory(2, turn('I live in Graz now.'), 1)]), []);
});

t.test('what is said in many forms is a routine, and nothing of it is replaced', async (t) => {
  const jokes = ['dog', 'cat', 'cow', 'hen', 'pig'].map((what, at) =>
    memory(at + 1, turn(`Tell a joke of a ${what}`), at),
  );
  t.same(found(jokes), []);
  t.same(found(jokes.slice(0, 4)).length, 3, 'up to four forms are taken for one that changed');
});

t.test('what a person took back is not found again', async (t) => {
  const log = [memory(1, 'Tea at eight'), memory(2, 'tea at eight'), memory(3, 'Tea at eight!')];
  const skip = new Set([pairKey({ how: 'same', of: { hash: hashOf(1) }, by: { hash: hashOf(3) } })]);
  t.same(found(log, { skip }), ['1 same 2', '2 same 3']);
});

t.test('groups are of one matter, in their order, and no larger than a question', async (t) => {
  const near = Array.from({ length: 20 }, (_, at) => memory(at + 1, `a${at}`, at));
  const groups = drained(groupsOf([...near, memory(30, 'alone', 180), memory(31, 'no vector')]));
  t.same(
    groups.map((group) => group.length),
    [maxSummarySources, 8],
  );
  const seqs = groups[0]?.map(({ seq }) => seq) as number[];
  t.same(
    seqs,
    [...seqs].sort((a, b) => a - b),
  );
});

const none: Judgement = { same: [], replaced: [], contradicts: [], summary: '' };
const group = [
  memory(3, 'I live in Oslo'),
  memory(5, 'My cat is Nori'),
  memory(7, 'I live in Cork'),
  memory(8, 'The cat is Kiwi'),
];

t.test('an answer counts as a whole: one number that was not given refuses it', async (t) => {
  const taken = judged(group, { ...none, replaced: [[1, 3]], contradicts: [[4, 2]], summary: ' Lives in Cork. ' });
  t.same(
    taken?.pairs.map(({ how, of, by }) => [how, of.seq, by.seq]),
    [
      ['replaced', 3, 7],
      ['contradicts', 5, 8],
    ],
  );
  t.equal(taken?.summary, 'Lives in Cork.');
  for (const odd of [[[0, 1]], [[1, 5]], [[2, 2]], [[3, 1]]])
    t.equal(judged(group, { ...none, replaced: odd, summary: 'x' }), null, JSON.stringify(odd));
  t.equal(
    judged(group.slice(0, 3), { ...none, summary: 'x' })?.summary,
    null,
    'three memories are no more than they are',
  );
  const [, asked] = questionAbout([memory(1, `a\nb ${'x'.repeat(5_000)}`)]);
  t.match(asked?.content, /^1\. a b x+/);
  t.ok((asked?.content.length ?? 0) < 700, 'a long memory is cut');
});

t.test(
  'results are orders of the run: marks without content, then summaries with what they were made of',
  async (t) => {
    const [of, by] = group as [Memory, Memory];
    const results = resultsOf(
      'r1',
      { pairs: [{ how: 'replaced', of, by }], summaries: [{ text: 'A cat in Cork.', sources: group }] },
      'qwen',
      9,
    );
    t.match(results, [
      {
        memory: {
          ...{ given: 'r1.1', kind: 'mark', text: 'Entry 3 was replaced by entry 5.', source: 'run:r1' },
          mark: {
            run: 'r1',
            how: 'replaced',
            model: null,
            of: { seq: 3, hash: of.hash },
            by: { seq: 5, hash: by.hash },
          },
          derivedFrom: [of.hash, by.hash],
        },
        seqs: [3, 5],
      },
      { memory: { given: 'r1.2', kind: 'summary', text: 'A cat in Cork.', mark: { how: 'summary', model: 'qwen' } } },
    ]);
    t.equal(resultsOf('r1', { pairs: [{ how: 'same', of, by }], summaries: [] }, null, 0).length, 0);
  },
);
