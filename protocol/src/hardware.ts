// The parts that a machine is made of, as its node looked last: boards, memory modules, disks, cards. Of figures only those that no use of
// the machine changes by the hour, so that an unchanged machine has an unchanged inventory. Serial numbers and addresses tell two equal
// parts apart; they are shown by one route, and are in no event, log or feed.
import { BootId, TimeMs } from './ids.ts';
import { type Static, type TProperties, Type } from './typebox.ts';

/** Characters of one fact, and parts of one kind. */
export const maxHardwareChars = 100;
export const maxPartsOfAKind = 64;

const Fact = Type.Optional(Type.String({ minLength: 1, maxLength: maxHardwareChars }));
const Count = Type.Optional(Type.Integer({ minimum: 0 }));
const partsOf = <P extends TProperties>(fields: P) => Type.Array(Type.Object(fields), { maxItems: maxPartsOfAKind });
const Board = Type.Optional(Type.Object({ maker: Fact, model: Fact, version: Fact, serial: Fact }));

/** A missing field is not told by the machine. */
export const Hardware = Type.Object({
  machine: Board,
  board: Board,
  firmware: Type.Optional(Type.Object({ maker: Fact, version: Fact, released: Fact })),
  cpu: Type.Optional(Type.Object({ model: Fact, cores: Count, physicalCores: Count, sockets: Count })),
  memory: partsOf({
    bytes: Count,
    slot: Fact,
    kind: Fact,
    form: Fact,
    mhz: Count,
    maker: Fact,
    part: Fact,
    serial: Fact,
  }),
  graphics: partsOf({ maker: Fact, model: Fact, memoryBytes: Count, address: Fact, driver: Fact }),
  disks: partsOf({
    device: Fact,
    kind: Fact,
    bus: Fact,
    maker: Fact,
    model: Fact,
    bytes: Count,
    firmware: Fact,
    serial: Fact,
    smart: Type.Optional(
      Type.OneOf(['good', 'failing'], { description: 'Its own verdict. Missing: it could not be asked.' }),
    ),
    wornPercent: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 255, description: 'Of the writes that its maker allows; above 100: more.' }),
    ),
  }),
  network: partsOf({ name: Fact, kind: Fact, address: Fact, mbitPerS: Count }),
  wifi: partsOf({ name: Fact, maker: Fact, model: Fact, address: Fact }),
  usb: partsOf({ name: Fact, maker: Fact, kind: Fact, serial: Fact }),
  batteries: partsOf({
    maker: Fact,
    model: Fact,
    kind: Fact,
    serial: Fact,
    healthPercent: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 200, description: 'What it can hold, of what it could hold when new.' }),
    ),
  }),
  lacks: Type.Array(Type.String({ maxLength: 300 }), {
    maxItems: 32,
    description: 'What could not be read, and what would let it, in words.',
  }),
});
export type Hardware = Static<typeof Hardware>;

/** Sent once after each start of the node-agent. */
export const NodeHardware = Type.Object({ boot: BootId, hardware: Hardware });
export type NodeHardware = Static<typeof NodeHardware>;

/** The answer to a person who asks for it. */
export const HardwareView = Type.Object({
  hardware: Type.Nullable(Hardware),
  sinceMs: Type.Nullable(TimeMs, { description: 'When these parts were first told; null: none ever were.' }),
});
export type HardwareView = Static<typeof HardwareView>;
