// The board of a node: its GPIO pins, sensors and camera, as far as its owner lets agents use them. A spec names them, and the node that has
// them tells their names; which line a name stands for is known on the node alone.
import type { AgentSpec } from './agent.ts';
import { maxBoardPins, maxBoardSensors } from './limits.ts';
import { listInWords } from './list-words.ts';
import { PinName } from './trigger.ts';
import { type Static, Type } from './typebox.ts';

export const SensorName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,30}$',
  description: 'Of a sensor, as the owner of the node names it: lower-case letters, digits and dashes, at most 31.',
});

/** What agents may be granted on a node: what is missing at the machine is left out. */
export const Board = Type.Object(
  {
    pins: Type.Array(PinName, { maxItems: maxBoardPins }),
    sensors: Type.Array(SensorName, { maxItems: maxBoardSensors }),
    camera: Type.Boolean(),
  },
  { description: 'Pins, sensors and camera that agents here may be granted. Missing: none, or an older node.' },
);
export type Board = Static<typeof Board>;

/** A pin for people: its line and what it is for. */
export const BoardPin = Type.Object({
  name: PinName,
  direction: Type.OneOf(['in', 'out']),
  where: Type.String({ maxLength: 120, description: '`line 17 of pinctrl-rp1`.' }),
  role: Type.Optional(
    Type.OneOf(['identify', 'drain'], {
      description: 'identify: its light blinks for `identify`; drain: held for 2 s, it drains the node.',
    }),
  ),
  problem: Type.Optional(
    Type.String({ maxLength: 200, description: 'Why it cannot be used now. Missing: nothing is wrong with it.' }),
  ),
});
export type BoardPin = Static<typeof BoardPin>;

/** A pin at the moment of a heartbeat. */
export const PinStand = Type.Object({
  name: PinName,
  on: Type.Nullable(Type.Boolean(), { description: 'Null: it was not read yet.' }),
  holder: Type.Optional(Type.String({ maxLength: 63, description: 'The agent that has set it last.' })),
});
export type PinStand = Static<typeof PinStand>;

type Needing = Pick<AgentSpec, 'tools' | 'triggers'>;
const nothing: readonly string[] = [];
/** What the spec needs of a board that is not on this one, such as `pin motion`; empty: nothing. Null: no board. */
export function lacksOfBoard({ tools, triggers }: Needing, board: Board | null): readonly string[] {
  // Asked of every agent and node that placement looks at: nothing is made where nothing is needed.
  let lacks: string[] | null = null;
  const lack = (what: string) => {
    lacks ??= [];
    if (!lacks.includes(what)) lacks.push(what);
  };
  for (const grant of tools) {
    if (grant.tool === 'gpio') {
      for (const pin of grant.pins) if (!board?.pins.includes(pin)) lack(`pin ${pin}`);
    } else if (grant.tool === 'sensor') {
      for (const sensor of grant.sensors) if (!board?.sensors.includes(sensor)) lack(`sensor ${sensor}`);
    } else if (grant.tool === 'camera' && board?.camera !== true) lack('a camera');
  }
  for (const trigger of triggers) {
    if ('pin' in trigger && !board?.pins.includes(trigger.pin)) lack(`pin ${trigger.pin}`);
  }
  return lacks ?? nothing;
}
/** `pin motion and a camera`. */
export function boardNeedsInWords(spec: Needing): string {
  return listInWords(lacksOfBoard(spec, null));
}
