// What a node tells as events, as a table: the type is the last level of the topic, so automations subscribe to one
// (`blackroad/v1/node/+/event/overheated`). Adding a row makes the type known to the coordinator and to the documents.
import { diskFullBytes, diskLowBytes, overheatedC, troubleOverAfterMs } from './health-limits.ts';

interface NodeEventRow {
  /** When it is told. */
  text: string;
  /** Names in `data`. */
  data: readonly string[];
}
const gib = 1024 ** 3;

export const nodeEvents = {
  throttled: {
    text: 'The firmware or the kernel slows the machine down.',
    data: ['over'],
  },
  undervoltage: {
    text: 'The power supply is too weak.',
    data: ['over'],
  },
  overheated: {
    text: `The processor has ${overheatedC.from} °C or more.`,
    data: ['over', 'temperatureC'],
  },
  'disk-low': {
    text: `Less than ${diskLowBytes.from / gib} GiB are free (warning), or less than ${diskFullBytes.from / gib} GiB (error).`,
    data: ['over', 'freeBytes'],
  },
  'disk-read-only': {
    text: 'The disk takes no writes any more.',
    data: ['over'],
  },
  'clock-unsynced': {
    text: 'No time server has set the clock, minutes after the start.',
    data: ['over'],
  },
  'runtime-found': {
    text: 'A model server answers: at the start, or again.',
    data: ['kind', 'runtime'],
  },
  'runtime-lost': {
    text: 'A model server that should answer does not, for half a minute.',
    data: ['kind', 'runtime'],
  },
  'model-pulled': { text: 'A model that a person asked for is here.', data: [] },
  'model-pull-failed': { text: 'It could not be fetched.', data: [] },
  'outbox-full': {
    text: 'The outbox has no room: the oldest perishable messages are dropped.',
    data: ['dropped', 'refused', 'depth'],
  },
  'file-damaged': { text: 'A file of the node was damaged, set aside and begun anew.', data: [] },
  'memory-set-aside': {
    text: "Memories that the coordinator never takes lie in a file of the node's data folder.",
    data: [],
  },
  'message-refused': { text: 'A message of the coordinator could not be read or obeyed.', data: [] },
  'assignment-gap': {
    text: 'A change of the assignment does not follow the one before: the node wants all of it. Never kept.',
    data: ['have'],
  },
} as const satisfies Record<string, NodeEventRow>;
export type NodeEventType = keyof typeof nodeEvents;
export const eventTypes: readonly string[] = Object.keys(nodeEvents);

const overMinutes = troubleOverAfterMs / 60_000;
/** How troubles of the machine are told, for people who write automations. */
export const troubleEventsText =
  'Events with `over` are told when the trouble begins (`data.over: false`, severity `warning` or `error`) and once more, under the same ' +
  `type, when the machine has been without it for ${overMinutes} minutes (\`data.over: true\`, severity \`info\`): what comes and goes is one trouble. ` +
  'A node-agent that starts tells once what is wrong then; what ended while it did not run is not told. Events wait in the outbox of the ' +
  'node while it is cut off; `atMs` says when it was.';
