// The owner's list of pins: what it may say, and that each fault names its field and what was expected.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readPins } from './pins-file.ts';

const yaml = `
chip: pinctrl-rp1
pins:
  - { name: motion, line: 17, direction: in, pull: down, debounceMs: 50 }
  - { name: lamp, line: 27, direction: out, initial: on }
  - { name: button, line: 23, direction: in, pull: up, activeLow: true, role: drain, chip: gpiochip4 }
sensors:
  - { name: attic, kind: ds18b20 }
camera: true
`;

t.test('YAML and JSON say the same, and a chip is that of every pin without one', async (t) => {
  const json = {
    chip: 'pinctrl-rp1',
    pins: [
      { name: 'motion', line: 17, direction: 'in', pull: 'down', debounceMs: 50 },
      { name: 'lamp', line: 27, direction: 'out', initial: 'on' },
      { name: 'button', line: 23, direction: 'in', pull: 'up', activeLow: true, role: 'drain', chip: 'gpiochip4' },
    ],
    sensors: [{ name: 'attic', kind: 'ds18b20' }],
    camera: true,
  };
  const folder = t.testdir({ 'pins.yaml': yaml, 'pins.json': JSON.stringify(json) });
  const list = readPins(join(folder, 'pins.yaml'));
  t.same(list, readPins(join(folder, 'pins.json')));
  t.match(list, { backend: 'auto', camera: true, sensors: [{ name: 'attic' }] });
  t.same(
    list?.pins.map(({ chip }) => chip),
    ['pinctrl-rp1', 'pinctrl-rp1', 'gpiochip4'],
  );
  t.equal(readPins(''), null);
});

t.test('a file that is wrong is refused with its field', async (t) => {
  const pin = { name: 'lamp', line: 27, direction: 'out' };
  const button = { name: 'button', line: 23, direction: 'in' };
  const wrong: [unknown, RegExp][] = [
    ['pins: [', /expected YAML or JSON/],
    [[], /expected an object with pins, sensors or camera/],
    [{ pin: [] }, /pin: /],
    [{ backend: 'wiring' }, /backend: expected .*, got "wiring"/],
    [{ backend: 'simulated' }, /folder: expected the folder of the simulated lines/],
    [{ folder: '/tmp/x' }, /folder: expected backend: simulated beside it/],
    [{ pins: [{ ...pin, name: 'The lamp' }] }, /pins\.0\.name: /],
    [{ pins: [{ ...pin, line: -1 }] }, /pins\.0\.line: /],
    [{ pins: [{ ...pin, line: 4096 }] }, /pins\.0\.line: /],
    [{ pins: [{ ...pin, direction: 'both' }] }, /pins\.0\.direction: /],
    [{ pins: [{ ...pin, gpio: 27 }] }, /pins\.0\.gpio: /],
    [{ pins: [{ ...pin, pull: 'up' }] }, /pins\.0\.pull: expected only beside direction: in/],
    [{ pins: [{ ...pin, debounceMs: 5 }] }, /pins\.0\.debounceMs: expected only beside direction: in/],
    [{ pins: [{ ...button, initial: 'on' }] }, /pins\.0\.initial: expected only beside direction: out/],
    [{ pins: [{ ...button, role: 'identify' }] }, /pins\.0\.role: expected direction: out/],
    [{ pins: [{ ...pin, role: 'drain' }] }, /pins\.0\.role: expected direction: in/],
    [{ pins: [pin, { ...pin, line: 5 }] }, /pins\.1\.name: lamp is that of pins\.0 already/],
    [{ pins: [pin, { ...pin, name: 'other' }] }, /pins\.1\.line: 27 is that of pins\.0 already/],
    [
      {
        pins: [
          { ...button, role: 'drain' },
          { ...button, name: 'b', line: 5, role: 'drain' },
        ],
      },
      /pins\.1\.role: drain is that of pins\.0 already/,
    ],
    [{ sensors: [{ name: 'attic', kind: 'sht31' }] }, /sensors\.0\.kind: /],
    [
      {
        sensors: [
          { name: 'attic', kind: 'dht22' },
          { name: 'attic', kind: 'bmp280' },
        ],
      },
      /sensors\.1\.name: attic is that of sensors\.0 already/,
    ],
  ];
  for (const [value, message] of wrong) {
    const path = join(t.testdir({ pins: typeof value === 'string' ? value : JSON.stringify(value) }), 'pins');
    t.throws(() => readPins(path), { message }, JSON.stringify(value));
    t.throws(() => readPins(path), { message: /^--pins: / });
  }
  t.throws(() => readPins('/nowhere/pins.yaml'), { message: /--pins: \/nowhere\/pins\.yaml: expected a file/ });
  const open = join(t.testdir({ pins: '{}' }), 'pins');
  chmodSync(open, 0o666);
  t.throws(() => readPins(open), { message: /chmod o-w/ });
});
