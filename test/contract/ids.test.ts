// Ids that sort by time, and that every topic level and schema of the protocol takes.
import { BootId, decode, faults, NodeId, TaskId, topicOf } from '@blackroad/protocol';
import { seededRandom, sortableId, systemRandom } from '@blackroad/std/random';
import fc from 'fast-check';
import t from 'tap';

const timeMs = fc.integer({ min: 0, max: 2 ** 48 - 1 });

t.test('sort by time, whatever chance says', async () => {
  fc.assert(
    fc.property(timeMs, timeMs, fc.integer(), fc.integer(), (a, b, seedA, seedB) => {
      const [idA, idB] = [sortableId(a, seededRandom(seedA)), sortableId(b, seededRandom(seedB))];
      return a === b || a < b === idA < idB;
    }),
    { numRuns: 2_000 },
  );
});

t.test('have one length and the alphabet of tasks, boots and topic levels', async (t) => {
  fc.assert(
    fc.property(timeMs, fc.integer(), (at, seed) => {
      const id = sortableId(at, seededRandom(seed));
      const fits = [TaskId, BootId, NodeId].every((schema) => faults(schema, id).length === 0);
      return id.length === 26 && fits;
    }),
  );
  const task = sortableId(0, systemRandom);
  const topic = topicOf('taskChunk', { node: 'alice', task });
  t.match(decode(topic, Buffer.from('{}')), { refused: 'invalid' }, 'a topic of the table');
});

t.test('a clock before 1970 makes an id too', async (t) => {
  t.match(sortableId(-5, systemRandom), /^0{10}[0-9a-z]{16}$/);
  t.match(sortableId(1.5, systemRandom), /^0{9}1[0-9a-z]{16}$/);
});

t.test('do not repeat', async (t) => {
  const ids = new Set(Array.from({ length: 20_000 }, () => sortableId(1_795_000_000_000, systemRandom)));
  t.equal(ids.size, 20_000);
});
