import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { RuntimeModel } from '../runtimes/runtime.ts';
import { createLearned } from './learned.ts';

const folder = mkdtempSync(join(tmpdir(), 'blackroad-learned-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const model: RuntimeModel = {
  name: 'm',
  aliases: [],
  kind: 'chat',
  sizeBytes: 4e8,
  contextTokens: 4096,
  resident: true,
  residentBytes: 6e8,
  parametersB: 0.5,
  slots: 1,
  tools: false,
  dimension: 0,
  digest: 'aa',
};
const usage = { promptTokens: 100, completionTokens: 50, loadMs: 900, prefillMs: 1000, decodeMs: 5000 };
const minutes = 60_000;

t.test('the most a model held stays known, for these weights and this context', async (t) => {
  const learned = createLearned({ path: ':memory:', clock: new HandClock(), log: silentLog });
  t.equal(learned.peakOf(model), 0);
  learned.saw({ ...model, resident: false, residentBytes: 0 });
  t.equal(learned.peakOf(model), 0, 'nothing is held by what is not loaded');
  learned.saw(model);
  learned.saw({ ...model, residentBytes: 5e8 });
  t.equal(learned.peakOf({ ...model, resident: false, residentBytes: 0 }), 6e8);
  learned.saw({ ...model, contextTokens: 1024, residentBytes: 4.5e8 });
  t.equal(learned.peakOf(model), 4.5e8, 'a smaller context holds less for good');
  t.equal(learned.peakOf({ ...model, digest: 'bb' }), 0, 'other weights under the same name');
});

t.test('kept over a restart, written seldom and only for news', async (t) => {
  const path = join(folder, 'learned.json');
  const clock = new HandClock();
  const learned = createLearned({ path, clock, log: silentLog });
  learned.learn('m', usage);
  learned.saw(model);
  await clock.advance(9 * minutes);
  t.throws(() => statSync(path), { code: 'ENOENT' }, 'not at once');
  await clock.advance(2 * minutes);
  const first = readFileSync(path, 'utf8');
  learned.learn('m', { ...usage, decodeMs: 5010 });
  learned.saw({ ...model, residentBytes: 6.01e8 });
  await clock.advance(60 * minutes);
  t.equal(readFileSync(path, 'utf8'), first, 'a hair more is no news');
  learned.learn('m', { ...usage, decodeMs: 20_000 });
  learned.close();
  t.not(readFileSync(path, 'utf8'), first, 'news is kept when it stops');
  const before = learned.speedOf('m');

  const next = createLearned({ path, clock, log: silentLog });
  t.strictSame(next.speedOf('m'), before);
  t.equal(next.peakOf(model), 6.01e8);
  rmSync(path);
  next.close();
  t.throws(() => statSync(path), { code: 'ENOENT' }, 'what was read is not written again');
});

t.test('a node that answers nobody writes nothing until it stops', async (t) => {
  const path = join(folder, 'idle.json');
  const clock = new HandClock();
  const learned = createLearned({ path, clock, log: silentLog });
  learned.saw(model);
  await clock.advance(60 * minutes);
  t.throws(() => statSync(path), { code: 'ENOENT' });
  learned.close();
  t.match(JSON.parse(readFileSync(path, 'utf8')), { peaks: [{ model: 'm', bytes: 6e8 }] });
});

t.test('a file that a power cut or a hand has damaged costs only what was learned', async (t) => {
  const path = join(folder, 'damaged.json');
  const good = { model: 'm', prefillTps: 1, decodeTps: 2, loadMs: 3, samples: 4 };
  const warned: unknown[] = [];
  const log = { ...silentLog, warn: (...line: unknown[]) => void warned.push(line) };
  for (const [text, decodeTps] of [
    ['', undefined],
    ['{"speeds":', undefined],
    ['null', undefined],
    [JSON.stringify({ speeds: [null, 5, { model: 'x' }, { ...good, decodeTps: -1 }], peaks: 'none' }), undefined],
    [JSON.stringify({ speeds: [{ model: 7 }, good], peaks: [{ model: 'm', bytes: 'many' }] }), 2],
  ] as const) {
    writeFileSync(path, text);
    const learned = createLearned({ path, clock: new HandClock(), log });
    t.equal(learned.speedOf('m')?.decodeTps, decodeTps, text);
    t.equal(learned.peakOf(model), 0);
    learned.close();
  }
  t.equal(warned.length, 3, 'said where it could not be read at all');
});

t.test('a folder that cannot be written is said and nothing breaks', async (t) => {
  const warned: unknown[] = [];
  const log = { ...silentLog, warn: (_: unknown, text: string) => void warned.push(text) };
  const learned = createLearned({ path: join(folder, 'gone', 'learned.json'), clock: new HandClock(), log });
  learned.learn('m', usage);
  learned.close();
  t.match(warned, [/cannot be kept/]);
});
