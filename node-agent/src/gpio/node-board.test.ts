// The board of a node on simulated lines: what agents may be granted, holders, settled edges, the light and the button, and pins that come and go.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { NodeBoard } from './node-board.ts';
import type { ListedPin, PinList } from './pins-file.ts';

const pins: ListedPin[] = [
  { name: 'motion', line: 17, direction: 'in', pull: 'down' },
  { name: 'lamp', line: 27, direction: 'out' },
  { name: 'light', line: 22, direction: 'out', role: 'identify' },
  { name: 'button', line: 23, direction: 'in', pull: 'up', activeLow: true, role: 'drain' },
];
async function rig(t: Test, over: Partial<PinList> = {}) {
  const folder = t.testdir({});
  const clock = new HandClock();
  const list: PinList = { backend: 'simulated', folder, pins, sensors: [], camera: false, ...over };
  const board = new NodeBoard({ list, clock, random: seededRandom(1), log: silentLog, root: folder });
  const news: number[] = [];
  board.onNews = () => news.push(clock.monotonicMs());
  t.teardown(() => board.stop());
  const set = async (line: number, high: boolean, ms = 200) => {
    writeFileSync(join(folder, String(line)), high ? '1' : '0');
    await clock.advance(ms);
  };
  const isHigh = (line: number) =>
    existsSync(join(folder, String(line))) && readFileSync(join(folder, String(line)), 'utf8') === '1';
  return { board, clock, folder, news, set, isHigh };
}
const porter = { id: 'id-1', name: 'porter' };
const scout = { id: 'id-2', name: 'scout' };

t.test('agents may be granted what is there and has no role', async (t) => {
  const { board } = await rig(t);
  await board.start();
  t.same(board.granted(), { pins: ['motion', 'lamp'], sensors: [], camera: false });
  t.equal(board.label, 'simulated');
  t.match(board.facts(), [
    { name: 'motion', direction: 'in', where: 'line 17 of simulated' },
    {},
    { role: 'identify' },
    {},
  ]);
  t.same(board.lack('motion'), null);
  t.match(board.lack('doorbell'), /no pin doorbell/);
  t.match(board.lack('light'), /for the node itself/);
  await t.rejects(board.write('light', true, porter), { message: /for the node itself/ });
  t.same(board.notes(), []);
});

t.test('one agent holds a pin that it sets; the other is told who, until five minutes after', async (t) => {
  const { board, clock, isHigh } = await rig(t);
  await board.start();
  t.equal(await board.write('lamp', true, porter), null);
  t.ok(isHigh(27));
  t.match(await board.write('lamp', false, scout), { heldBy: 'porter', forMs: 300_000 });
  t.ok(isHigh(27), 'it stays as it was');
  t.match(board.stands()[1], { name: 'lamp', on: true, holder: 'porter' });
  await clock.advance(200_000);
  t.equal(await board.write('lamp', true, porter), null, 'its holder goes on');
  await clock.advance(299_999);
  t.match(await board.write('lamp', false, scout), { heldBy: 'porter' });
  await clock.advance(1);
  t.equal(await board.write('lamp', false, scout), null);
  board.letGo('id-2');
  t.equal(await board.write('lamp', true, porter), null, 'an agent that left holds nothing');
});

t.test('an edge is heard when it has settled, and by all who wait', async (t) => {
  const { board, clock, set } = await rig(t);
  await board.start();
  const heard: boolean[] = [];
  const stop = board.listen('motion', (on) => heard.push(on));
  const never = new AbortController();
  const waits = [
    board.edge('motion', 'rising', 5_000, never.signal),
    board.edge('motion', 'both', 5_000, never.signal),
  ];
  const falling = board.edge('motion', 'falling', 1_000, never.signal);
  await clock.advance(1);
  // A bounce: high for less than the usual 30 ms.
  await set(17, true, 21);
  await set(17, false, 200);
  t.same(heard, []);
  await set(17, true);
  t.same(heard, [true]);
  t.same(await Promise.all(waits), [true, true]);
  await clock.advance(1_000);
  t.equal(await falling, null, 'none came');
  const gone = new AbortController();
  const waiting = board.edge('motion', 'both', 5_000, gone.signal);
  await clock.advance(1);
  gone.abort(new Error('the turn ended'));
  await t.rejects(waiting, { message: 'the turn ended' });
  stop?.();
  await set(17, false);
  t.same(heard, [true]);
});

t.test('a pin that another program has is there, is said, and is taken when it is free', async (t) => {
  const { board, clock, folder, news, set } = await rig(t);
  writeFileSync(join(folder, '17.held'), 'doorbell');
  await board.start();
  t.match(board.lack('motion'), /pin motion: doorbell has line 17 of simulated/);
  t.same(board.granted().pins, ['motion', 'lamp']);
  t.match(board.notes(), [/^Pin motion: doorbell has/]);
  t.match(board.facts()[0]?.problem, /doorbell/);
  t.same(board.stands()[0], { name: 'motion', on: null });
  const heard: boolean[] = [];
  board.listen('motion', (on) => heard.push(on));
  await t.rejects(board.read('motion'), { message: /doorbell has line 17/ });
  rmSync(join(folder, '17.held'));
  const before = news.length;
  await clock.advance(301_000);
  t.equal(board.lack('motion'), null);
  t.ok(news.length > before, 'the coordinator hears of it');
  await set(17, true);
  t.same(heard, [true], 'who listened before hears it');
});

t.test('a line that is not there is not granted', async (t) => {
  const far: ListedPin = { name: 'far', line: 99, direction: 'in' };
  const { board } = await rig(t, { pins: [...pins, far] });
  await board.start();
  t.notOk(board.granted().pins.includes('far'));
  t.match(board.notes(), [/^Pin far: There is no line 99 on simulated: it has 54/]);
});

t.test(
  'the light blinks for identify, is lit while the node drains, and a button held for two seconds asks',
  async (t) => {
    const { board, clock, isHigh, set } = await rig(t);
    let held = 0;
    board.onHeld = () => held++;
    await board.start();
    t.match(board.blink(3), { ok: true, text: 'Pin light blinks for 3 s.' });
    t.ok(isHigh(22));
    await clock.advance(260);
    t.notOk(isHigh(22));
    await clock.advance(3_000);
    t.notOk(isHigh(22), 'dark afterwards');
    board.showDraining(true);
    await clock.advance(1);
    t.ok(isHigh(22));
    board.blink(1);
    await clock.advance(260);
    t.notOk(isHigh(22));
    await clock.advance(2_000);
    t.ok(isHigh(22), 'lit again');
    await set(23, false, 1_900);
    await set(23, true, 3_000);
    t.equal(held, 0, 'a short press is nothing');
    await set(23, false, 5_000);
    t.equal(held, 1, 'held once, however long');
    await set(23, true);
  },
);

t.test('sensors and the camera: what is missing is said, what is there is read', async (t) => {
  const sys = {
    bus: {
      iio: {
        devices: {
          'iio:device0': { name: 'dht11@4\n', in_temp_input: '21400\n', in_humidityrelative_input: '48300\n' },
          'iio:device1': { name: 'bmp280\n', in_temp_input: '19870\n', in_pressure_input: '101.325\n' },
        },
      },
      w1: {
        devices: { '28-0000012': { temperature: '-1250\n' }, '28-0000013': { w1_slave: 'crc=57 YES\n.. t=23125\n' } },
      },
    },
  };
  const root = t.testdir({ sys });
  const clock = new HandClock();
  const sensors = [
    { name: 'hall', kind: 'dht22' },
    { name: 'roof', kind: 'bmp280' },
    { name: 'attic', kind: 'ds18b20', device: '28-0000012' },
    { name: 'cellar', kind: 'ds18b20', device: '28-0000013' },
    { name: 'which', kind: 'ds18b20' },
    { name: 'gone', kind: 'ds18b20', device: '28-ff' },
  ] as const;
  const list: PinList = { backend: 'simulated', folder: join(root, 'lines'), pins: [], sensors, camera: true };
  const camera = {
    problem: () => 'There is no program for a camera here.',
    still: () => Promise.reject(new Error('none')),
  };
  const board = new NodeBoard({ list, clock, random: seededRandom(1), log: silentLog, root, camera });
  await board.start();
  t.same(board.granted(), { pins: [], sensors: ['hall', 'roof', 'attic', 'cellar'], camera: false });
  t.same(await Promise.all(['hall', 'roof', 'attic', 'cellar'].map((name) => board.sensor(name))), [
    'hall: temperature 21.4 °C, humidity 48.3 %.',
    'roof: temperature 19.9 °C, pressure 1013.3 hPa.',
    'attic: temperature -1.2 °C.',
    'cellar: temperature 23.1 °C.',
  ]);
  t.match(board.notes(), [
    /which: name its device.*28-0000012, 28-0000013/,
    /gone: there is no ds18b20 called 28-ff/,
    /no program for a camera/,
  ]);
  writeFileSync(join(root, 'sys/bus/w1/devices/28-0000012/temperature'), '');
  const read = board.sensor('attic');
  const settled = t.rejects(read, { message: /attic \(ds18b20\) gives no value/ });
  let isOver = false;
  void settled.then(() => {
    isOver = true;
  });
  // Files are read by the machine, and waited for by the clock.
  for (; !isOver; await pause(5)) await clock.advance(500);
  await board.stop();
});
