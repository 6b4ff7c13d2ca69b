// The tools of a board: an agent reads, sets and waits for the pins that it was granted by name, reads sensors, and looks through the camera. A
// pin that is not among its own, not there, or held by another agent is refused with words that say which pins it has.
import { maxBoardPins, type Static, type ToolGrant, Type } from '@blackroad/protocol';
import type { Tool, ToolContext } from '../tool.ts';

/** What a node has of a board. */
export interface BoardTools {
  /** Why the agent cannot have the pin here, in words; null: it can. */
  lack(pin: string): string | null;
  directionOf(pin: string): 'in' | 'out' | null;
  read(pin: string): Promise<boolean>;
  /** Out: the agent that holds the pin, and for how long it will yet; null: it is set. */
  write(pin: string, on: boolean, by: { id: string; name: string }): Promise<{ heldBy: string; forMs: number } | null>;
  /** The value after the first such change; null: none came in that time. */
  edge(pin: string, edge: 'rising' | 'falling' | 'both', forMs: number, signal: AbortSignal): Promise<boolean | null>;
  /** Its values, in words. */
  sensor(sensor: string): Promise<string>;
  /** A JPEG in base64. */
  still(signal: AbortSignal): Promise<string>;
}
interface BoardToolParts {
  agent: { id: string; name: string };
  /** Null: the node has none. */
  board: BoardTools | null;
}

const maxNameChars = 63;
const maxWatchS = 300;
const Pin = (description: string) => Type.String({ minLength: 1, maxLength: maxNameChars, description });
const Read = Type.Object({ pin: Type.Optional(Pin('Missing: all of your pins.')) });
const Write = Type.Object({ pin: Pin('The pin to set.'), on: Type.Boolean({ description: 'true: on; false: off.' }) });
const Watch = Type.Object({
  pin: Pin('The pin to wait for.'),
  edge: Type.Optional(
    Type.OneOf(['rising', 'falling', 'both'], { description: 'rising: it goes on; falling: off. Missing: both.' }),
  ),
  seconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: maxWatchS, description: 'How long to wait. Missing: 30.' }),
  ),
});
const Sensor = Type.Object({ sensor: Pin('The sensor to read.') });
const usualWatchS = 30;

const onOff = (on: boolean) => (on ? 'on' : 'off');

export function boardTools(grants: readonly ToolGrant[], { agent, board }: BoardToolParts): Tool[] {
  const pins = namesIn(grants, 'gpio');
  const sensors = namesIn(grants, 'sensor');
  return [
    ...(pins.length > 0 ? pinTools(pins, agent, board) : []),
    ...(sensors.length > 0 ? [sensorTool(sensors, board)] : []),
    ...(grants.some(({ tool }) => tool === 'camera') ? [cameraTool(board)] : []),
  ];
}
/** What is granted and not here, in words. */
export function boardTroubles(grants: readonly ToolGrant[], board: BoardTools | null): string[] {
  return namesIn(grants, 'gpio').flatMap((pin) => {
    const lack = board ? board.lack(pin) : noPin(pin);
    return lack === null ? [] : [`Pins are missing: ${lack.replace(/\.$/, '')}.`];
  });
}

function pinTools(pins: readonly string[], agent: { id: string; name: string }, board: BoardTools | null): Tool[] {
  /** Why it is not to be had; null: it is. */
  const refusal = (pin: string): string | null => {
    if (!pins.includes(pin)) return `Refused: ${pin} is not a pin that you may use. Your pins: ${pins.join(', ')}.`;
    const lack = board ? board.lack(pin) : noPin(pin);
    return lack === null ? null : `Refused: ${lack.replace(/\.$/, '')}. ${othersOf(pins, pin, board)}`;
  };
  const list = () =>
    pins
      .slice(0, maxBoardPins)
      .map((pin) => `${pin}${board?.directionOf(pin) === 'out' ? ' (can be set)' : ''}`)
      .join(', ');
  return [
    {
      name: 'gpio_read',
      description: `Read whether a pin of the board is on or off. Pins: ${list()}.`,
      parameters: Read,
      outside: false,
      async call({ pin }: Static<typeof Read>) {
        const said = (pin === undefined ? pins : [pin]).map(async (each) => {
          const refused = refusal(each);
          if (refused !== null || !board) return refused ?? '';
          return board.read(each).then(
            (on) => `${each} is ${onOff(on)}.`,
            (error) => `${each} cannot be read: ${(error as Error).message}`,
          );
        });
        return (await Promise.all(said)).join('\n');
      },
    },
    {
      name: 'gpio_write',
      description: `Switch a pin of the board on or off. Pins: ${list()}.`,
      parameters: Write,
      outside: true,
      async call({ pin, on }: Static<typeof Write>) {
        const refused = refusal(pin);
        if (refused !== null || !board) return refused ?? '';
        if (board.directionOf(pin) === 'in') {
          const outs = pins.filter((each) => board.directionOf(each) === 'out');
          return `Refused: ${pin} is an input and cannot be set. Pins that can: ${outs.join(', ') || 'none'}.`;
        }
        const held = await board.write(pin, on, agent);
        if (held === null) return `${pin} is ${onOff(on)} now.`;
        const minutes = Math.max(1, Math.ceil(held.forMs / 60_000));
        return `Refused: ${held.heldBy} holds ${pin}, for at most ${minutes} more min unless it sets it again. Ask ${held.heldBy}, or try later.`;
      },
    },
    {
      name: 'gpio_watch',
      description: `Wait until a pin of the board changes. Pins: ${list()}.`,
      parameters: Watch,
      outside: false,
      async call({ pin, edge = 'both', seconds = usualWatchS }: Static<typeof Watch>, { signal }: ToolContext) {
        const refused = refusal(pin);
        if (refused !== null || !board) return refused ?? '';
        if (board.directionOf(pin) === 'out') return `Refused: ${pin} is an output: it changes only when it is set.`;
        const on = await board.edge(pin, edge, seconds * 1_000, signal);
        return on === null ? `${pin} did not change within ${seconds} s.` : `${pin} went ${onOff(on)}.`;
      },
    },
  ];
}

function sensorTool(sensors: readonly string[], board: BoardTools | null): Tool {
  return {
    name: 'sensor_read',
    description: `Read a sensor of the machine. Sensors: ${sensors.join(', ')}.`,
    parameters: Sensor,
    outside: false,
    async call({ sensor }: Static<typeof Sensor>) {
      if (!sensors.includes(sensor))
        return `Refused: ${sensor} is not a sensor that you may use. Your sensors: ${sensors.join(', ')}.`;
      return board ? board.sensor(sensor) : `Refused: this node has no sensor ${sensor}.`;
    },
  };
}

function cameraTool(board: BoardTools | null): Tool {
  return {
    name: 'camera_still',
    description: 'Take a picture with the camera of the machine, and see it.',
    parameters: Type.Object({}),
    outside: false,
    async call(_: object, { signal, show }: ToolContext) {
      if (!board) return 'Refused: this node has no camera.';
      if (!show) return 'Refused: the model that you use takes no pictures.';
      show(await board.still(signal));
      return 'The picture follows.';
    },
  };
}

function namesIn(grants: readonly ToolGrant[], tool: 'gpio' | 'sensor'): string[] {
  const names = grants.flatMap((grant) => {
    if (grant.tool === 'gpio' && tool === 'gpio') return grant.pins;
    return grant.tool === 'sensor' && tool === 'sensor' ? grant.sensors : [];
  });
  return [...new Set(names)];
}
function noPin(pin: string): string {
  return `this node has no pin ${pin}; its owner can list one (--pins)`;
}
function othersOf(pins: readonly string[], pin: string, board: BoardTools | null): string {
  const others = pins.filter((each) => each !== pin && board?.lack(each) === null);
  return `Your other pins here: ${others.join(', ') || 'none'}.`;
}
