// The tools of a board: what an agent was granted, and the words of each refusal.
import t from 'tap';
import { type BoardTools, boardTools, boardTroubles } from './board.ts';

const agent = { id: 'id-1', name: 'porter' };
const context = { signal: new AbortController().signal, task: 'task' };
const grants = [
  { tool: 'gpio' as const, pins: ['motion', 'lamp', 'far'] },
  { tool: 'sensor' as const, sensors: ['attic'] },
  { tool: 'camera' as const },
];
function board(over: Partial<BoardTools> = {}): BoardTools {
  return {
    lack: (pin) => (pin === 'far' ? 'pin far: doorbell has line 9.' : null),
    directionOf: (pin) => (pin === 'lamp' ? 'out' : 'in'),
    read: async (pin) => pin === 'motion',
    write: async () => null,
    edge: async (_pin, _edge, forMs) => (forMs === 1_000 ? null : true),
    sensor: async (name) => `${name}: temperature 20 °C.`,
    still: async () => 'aaaa',
    ...over,
  };
}
const call = (name: string, args: object, has: BoardTools | null = board(), more: object = {}) => {
  const tool = boardTools(grants, { agent, board: has }).find((each) => each.name === name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool.call(args as never, { ...context, ...more });
};

t.test('what is granted is offered, and nothing else', async (t) => {
  const names = (given: Parameters<typeof boardTools>[0]) =>
    boardTools(given, { agent, board: board() }).map(({ name }) => name);
  t.same(names([]), []);
  t.same(names(grants), ['gpio_read', 'gpio_write', 'gpio_watch', 'sensor_read', 'camera_still']);
  t.same(names([{ tool: 'gpio', pins: ['lamp'] }]), ['gpio_read', 'gpio_write', 'gpio_watch']);
  const outside = boardTools(grants, { agent, board: board() }).filter((tool) => tool.outside);
  t.same(
    outside.map(({ name }) => name),
    ['gpio_write'],
    'only what acts is refused while another node may act',
  );
});

t.test('pins are read, set and waited for', async (t) => {
  t.equal(await call('gpio_read', { pin: 'motion' }), 'motion is on.');
  t.match(await call('gpio_read', {}), /^motion is on\.\nlamp is off\.\nRefused: pin far: doorbell has line 9\./);
  t.equal(await call('gpio_write', { pin: 'lamp', on: true }), 'lamp is on now.');
  t.equal(await call('gpio_watch', { pin: 'motion' }), 'motion went on.');
  t.equal(await call('gpio_watch', { pin: 'motion', seconds: 1 }), 'motion did not change within 1 s.');
});

t.test('each refusal says what the agent can do', async (t) => {
  for (const [name, args] of [
    ['gpio_read', { pin: 'siren' }],
    ['gpio_write', { pin: 'siren', on: true }],
    ['gpio_watch', { pin: 'siren' }],
  ] as const)
    t.equal(await call(name, args), 'Refused: siren is not a pin that you may use. Your pins: motion, lamp, far.');
  t.equal(
    await call('gpio_write', { pin: 'motion', on: true }),
    'Refused: motion is an input and cannot be set. Pins that can: lamp.',
  );
  t.match(await call('gpio_watch', { pin: 'lamp' }), /^Refused: lamp is an output/);
  t.equal(
    await call('gpio_write', { pin: 'far', on: true }),
    'Refused: pin far: doorbell has line 9. Your other pins here: motion, lamp.',
  );
  const held = board({ write: async () => ({ heldBy: 'scout', forMs: 61_000 }) });
  t.equal(
    await call('gpio_write', { pin: 'lamp', on: true }, held),
    'Refused: scout holds lamp, for at most 2 more min unless it sets it again. Ask scout, or try later.',
  );
  t.match(
    await call('gpio_read', { pin: 'motion' }, null),
    /^Refused: this node has no pin motion; its owner can list one/,
  );
  t.equal(
    await call('sensor_read', { sensor: 'roof' }),
    'Refused: roof is not a sensor that you may use. Your sensors: attic.',
  );
  t.equal(await call('sensor_read', { sensor: 'attic' }), 'attic: temperature 20 °C.');
});

t.test('a picture is shown to a model that sees', async (t) => {
  const shown: string[] = [];
  t.equal(
    await call('camera_still', {}, board(), { show: (image: string) => shown.push(image) }),
    'The picture follows.',
  );
  t.same(shown, ['aaaa']);
  t.match(await call('camera_still', {}), /takes no pictures/);
  t.match(await call('camera_still', {}, null), /no camera/);
});

t.test('what is missing is said before anybody asks', async (t) => {
  t.same(boardTroubles(grants, board()), ['Pins are missing: pin far: doorbell has line 9.']);
  t.equal(boardTroubles(grants, null).length, 3);
  t.same(boardTroubles([], null), []);
});
