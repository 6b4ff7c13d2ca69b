import { setImmediate as turn } from 'node:timers/promises';
import { catalogue } from '@blackroad/model-server/weights/catalogue';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { EnsuredModels } from '../weights/ensure.ts';
import { createDefaultModels, type ModelKind } from './default-models.ts';
import { createModelPulls } from './model-pulls.ts';

const entryOf = (kind: ModelKind) => catalogue.find((entry) => entry.kind === kind)!;

/** Fetches end as the test decides; `has` are the kinds that the runtimes then serve. */
function rig() {
  const clock = new HandClock();
  const asked: ModelKind[][] = [];
  const has = new Set<ModelKind>();
  const ends: ((problems: EnsuredModels['problems']) => void)[] = [];
  const pulls = createModelPulls({ fetchOne: async () => {}, onNews: () => {}, clock });
  const defaults = createDefaultModels({
    ensure(kinds, onProgress) {
      asked.push([...kinds]);
      const entry = entryOf(kinds[0]!);
      onProgress({ entry, status: 'downloading', completedBytes: 1, totalBytes: 4 });
      return new Promise((resolve) => ends.push((problems) => resolve({ problems })));
    },
    inLine: pulls.inLine,
    board: pulls.board,
    onChange: async () => look(),
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  const look = () => defaults.look((['chat', 'embed'] as const).filter((kind) => !has.has(kind)));
  return { clock, asked, has, ends, pulls, defaults, look };
}

t.test('what lacks is fetched, one kind after the other, and people see how far it is', async (t) => {
  const { asked, has, ends, pulls, defaults, look } = rig();
  look();
  look();
  await turn();
  t.strictSame(asked, [['chat']], 'once, however often one looks');
  t.strictSame(defaults.underWay(), ['chat', 'embed']);
  t.match(pulls.board.list(), [{ model: entryOf('chat').id, status: 'downloading', completedBytes: 1, totalBytes: 4 }]);
  has.add('chat');
  ends[0]!([]);
  await turn();
  t.strictSame(asked, [['chat'], ['embed']]);
  t.strictSame(defaults.underWay(), ['embed']);
  has.add('embed');
  ends[1]!([]);
  await turn();
  t.strictSame(pulls.board.list(), []);
  look();
  await turn();
  t.equal(asked.length, 2, 'then nothing more is asked for');
});

t.test('what fails is said, and tried again after a pause; what came otherwise is no hindrance any more', async (t) => {
  const { clock, asked, has, ends, defaults, look } = rig();
  has.add('embed');
  look();
  await turn();
  ends[0]!([{ kind: 'chat', text: 'no chat model: the hub does not answer' }]);
  await turn();
  t.match(defaults.problems(), [{ kind: 'chat', text: /the hub/ }]);
  look();
  await turn();
  t.equal(asked.length, 1, 'not at once');
  await clock.advance(60 * 60_000);
  t.equal(asked.length, 2);
  t.strictSame(defaults.problems(), [], 'while it is tried again nothing hinders it');
  ends[1]!([{ kind: 'chat', text: 'still not' }]);
  await turn();
  has.add('chat');
  look();
  t.strictSame(defaults.problems(), []);
  await clock.advance(24 * 60 * 60_000);
  t.equal(asked.length, 2, 'and nothing is fetched any more');
});

t.test('a file that no runtime can use is not fetched again and again', async (t) => {
  const { clock, asked, has, ends, look } = rig();
  has.add('embed');
  look();
  await turn();
  ends[0]!([]);
  await turn();
  look();
  await turn();
  t.equal(asked.length, 1);
  await clock.advance(60_000);
  t.equal(asked.length, 2, 'but after a pause, for it may have been damaged');
});
