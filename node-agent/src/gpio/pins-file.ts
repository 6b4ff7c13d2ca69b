// The file in which the owner of a node lists what agents may use of its board: pins by name, sensors, the camera. A spec names them and brings
// no line of its own, so what is not in this file is reached by nobody. In: a path, JSON or YAML. Out: the list, or the field that is wrong.
import {
  explain,
  interpretingChecker,
  maxBoardPins,
  maxBoardSensors,
  PinName,
  SensorName,
  type Static,
  Type,
} from '@blackroad/protocol';
import { OptionError } from '@blackroad/std/options';
import { parse } from 'yaml';
import { readOwnersFile } from '../files/owners-file.ts';

const closed = { additionalProperties: false };
/** No chip of a single-board computer has more lines. */
const maxLine = 511;
const ChipName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9:._-]{0,62}$' });

const ListedPin = Type.Object(
  {
    name: PinName,
    line: Type.Integer({ minimum: 0, maximum: maxLine }),
    direction: Type.OneOf(['in', 'out']),
    chip: Type.Optional(ChipName),
    pull: Type.Optional(Type.OneOf(['up', 'down', 'none'])),
    activeLow: Type.Optional(Type.Boolean()),
    debounceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
    initial: Type.Optional(Type.OneOf(['off', 'on'])),
    role: Type.Optional(Type.OneOf(['identify', 'drain'])),
  },
  closed,
);
export type ListedPin = Static<typeof ListedPin>;

const ListedSensor = Type.Object(
  {
    name: SensorName,
    kind: Type.OneOf(['dht22', 'ds18b20', 'bmp280']),
    device: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9:_-]{1,60}$' })),
  },
  closed,
);
export type ListedSensor = Static<typeof ListedSensor>;

const PinsFile = Type.Object(
  {
    backend: Type.Optional(Type.OneOf(['auto', 'libgpiod', 'onoff', 'simulated'])),
    folder: Type.Optional(Type.String({ minLength: 1, maxLength: 4_000 })),
    chip: Type.Optional(ChipName),
    pins: Type.Optional(Type.Array(ListedPin, { maxItems: maxBoardPins })),
    sensors: Type.Optional(Type.Array(ListedSensor, { maxItems: maxBoardSensors })),
    camera: Type.Optional(Type.Boolean()),
  },
  closed,
);
export interface PinList {
  backend: NonNullable<Static<typeof PinsFile>['backend']>;
  /** Of simulated pins. */
  folder: string;
  pins: readonly ListedPin[];
  sensors: readonly ListedSensor[];
  camera: boolean;
}

/** Null: the owner lists nothing. @throws OptionError */
export function readPins(path: string): PinList | null {
  if (path === '') return null;
  const refuse = (text: string) => new OptionError(`--pins: ${path}: ${text}`);
  const text = readOwnersFile(path, 'says what agents may switch', refuse);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw refuse(`expected YAML or JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse('expected an object with pins, sensors or camera, got none');
  if (!interpretingChecker(PinsFile, value)) throw refuse(explain(PinsFile, value));
  const {
    backend = 'auto',
    folder = '',
    chip,
    pins = [],
    sensors = [],
    camera = false,
  } = value as Static<typeof PinsFile>;
  if ((backend === 'simulated') !== (folder !== ''))
    throw refuse(
      backend === 'simulated'
        ? 'folder: expected the folder of the simulated lines beside backend: simulated, got none'
        : 'folder: expected backend: simulated beside it',
    );
  const named = pins.map((pin) => (chip === undefined ? pin : { chip, ...pin }));
  const fault =
    pinFault(named) ??
    twice(
      'sensors',
      sensors.map(({ name }) => name),
      'name',
    );
  if (fault !== null) throw refuse(fault);
  return { backend, folder, pins: named, sensors, camera };
}

const inOnly = ['pull', 'debounceMs'] as const;
function pinFault(pins: readonly ListedPin[]): string | null {
  for (const [i, pin] of pins.entries()) {
    const field = `pins.${i}`;
    const { direction, role } = pin;
    if (direction === 'out')
      for (const each of inOnly)
        if (pin[each] !== undefined) return `${field}.${each}: expected only beside direction: in`;
    if (direction === 'in' && pin.initial !== undefined) return `${field}.initial: expected only beside direction: out`;
    if (role === 'identify' && direction === 'in')
      return `${field}.role: expected direction: out for the light of identify`;
    if (role === 'drain' && direction === 'out')
      return `${field}.role: expected direction: in for the button that drains`;
  }
  return (
    twice(
      'pins',
      pins.map(({ name }) => name),
      'name',
    ) ??
    twice(
      'pins',
      pins.map(({ chip, line }) => `${line}${chip === undefined ? '' : ` of ${chip}`}`),
      'line',
    ) ??
    twice(
      'pins',
      pins.map(({ role }) => role ?? null),
      'role',
    )
  );
}
function twice(list: string, values: readonly (string | null)[], field: string): string | null {
  for (const [i, value] of values.entries()) {
    const first = values.indexOf(value);
    if (value !== null && first < i) return `${list}.${i}.${field}: ${value} is that of ${list}.${first} already`;
  }
  return null;
}
