// The events of a node: the type is the last level of the topic, so that an automation can subscribe to one
// (`blackroad/v1/node/+/event/overheated`). A row's params are the `data` of the message; the node makes the text, by the row of its own
// version, and the coordinator keeps that text. No row has a param `agent`: the coordinator would first have to check that the agent is
// assigned to the node (fleet/held.ts of the coordinator).

import { Count, kind, ModelName, Severity, Words } from './event-kind.ts';
import { FetchFault } from './fetch-faults.ts';
import { diskFullBytes, diskLowBytes, overheatedC, troubleOverAfterMs } from './health-limits.ts';
import { BootId, Generation, TimeMs } from './ids.ts';
import { RuntimeKind } from './node-model.ts';
import { OsUpdateState, UpdateOs } from './os-update.ts';
import { degreesInWords, gibInWords } from './quantity-words.ts';
import { type Static, Type } from './typebox.ts';
import { ReleaseVersion, UpdateState } from './update.ts';

const gib = 1024 ** 3;
const osJobWords = { security: 'security updates', all: 'updates of the system', restart: 'restart of the machine' };
const Over = { over: Type.Boolean() };
const unlessOver =
  (severity: Severity) =>
  ({ over }: { over: boolean }): Severity =>
    over ? 'info' : severity;

export const nodeEvents = {
  throttled: kind(
    'warning',
    'The firmware or the kernel slows the machine down',
    Over,
    ({ over }) => (over ? 'is throttled no more' : 'is throttled: it runs slower than it could'),
    unlessOver('warning'),
  ),
  undervoltage: kind(
    'error',
    'The power supply is too weak',
    Over,
    ({ over }) => (over ? 'has enough power again' : 'has too weak a power supply: undervoltage'),
    unlessOver('error'),
  ),
  overheated: kind(
    'error',
    `The processor has ${overheatedC.from} °C or more`,
    { ...Over, temperatureC: Type.Number() },
    ({ over, temperatureC }) =>
      over
        ? `has cooled down: ${degreesInWords(temperatureC)}`
        : `is overheated: ${degreesInWords(temperatureC)}; it needs cooling`,
    unlessOver('error'),
  ),
  'disk-low': kind(
    'warning',
    `Less than ${diskLowBytes.from / gib} GiB are free, or less than ${diskFullBytes.from / gib} GiB (error)`,
    { ...Over, freeBytes: Count },
    ({ over, freeBytes }) =>
      `${over ? 'has room on its disk again' : 'is short of disk'}: ${gibInWords(freeBytes)} left`,
    ({ over, freeBytes }) => unlessOver(freeBytes < diskFullBytes.from ? 'error' : 'warning')({ over }),
  ),
  'disk-read-only': kind(
    'error',
    'The disk takes no writes any more',
    Over,
    ({ over }) =>
      over
        ? 'can write to its disk again'
        : 'has a read-only disk: its agents can remember nothing; the SD card may be dying',
    unlessOver('error'),
  ),
  'clock-unsynced': kind(
    'warning',
    'No time server has set the clock, minutes after the start',
    Over,
    ({ over }) => (over ? 'has the right time again' : 'has a clock that no time server sets: its times are guesses'),
    unlessOver('warning'),
  ),
  'runtime-found': kind(
    'info',
    'A model server answers: at the start, or again',
    { kind: RuntimeKind, runtime: Words },
    ({ runtime }) => `${runtime} answers`,
  ),
  'runtime-lost': kind(
    'warning',
    'A model server that should answer does not, for half a minute',
    { kind: RuntimeKind, runtime: Words, problem: Words },
    ({ problem }) => problem,
  ),
  'model-pulled': kind(
    'info',
    'A model that a person asked for is here',
    { model: ModelName },
    ({ model }) => `${model} is here`,
  ),
  'model-pull-failed': kind(
    'warning',
    'It could not be fetched',
    { model: ModelName, problem: Words, fault: Type.Optional(FetchFault) },
    ({ model, problem }) => `${model}: ${problem}`,
  ),
  'model-evicted': kind(
    'info',
    'A model that the fleet had fetched and nobody needed was removed, because the disk filled up',
    { model: ModelName, bytes: Count, usedMs: TimeMs },
    ({ model, bytes, usedMs }) =>
      `${model} was removed: the disk is nearly full, nobody here needs it, and it was last used on ${new Date(usedMs).toISOString().slice(0, 10)}; ${gibInWords(bytes)} are free again`,
  ),
  update: kind(
    'info',
    'How far the node is with an update of its node-agent; `warning` where it did not get there',
    { rollout: Type.String({ maxLength: 40 }), version: ReleaseVersion, state: UpdateState, text: Words },
    ({ version, state, text }) => `node-agent ${version}: ${state}${text === '' ? '' : `, ${text}`}`,
    ({ state }) => (state === 'rolled-back' || state === 'refused' || state === 'failed' ? 'warning' : 'info'),
  ),
  'os-update': kind(
    'info',
    'How far the node is with an update of its operating system; `warning` where it did not get there',
    {
      rollout: Type.String({ maxLength: 40 }),
      job: UpdateOs.properties.job,
      state: OsUpdateState,
      text: Words,
      restart: Type.Optional(Type.Boolean({ description: 'Of `updated`: the machine needs a restart.' })),
    },
    ({ job, state, text }) => `${osJobWords[job]}: ${state}${text === '' ? '' : `, ${text}`}`,
    ({ state }) => (state === 'refused' || state === 'failed' ? 'warning' : 'info'),
  ),
  'outbox-full': kind(
    'error',
    'The outbox has no room: the oldest perishable messages are dropped',
    { dropped: Count, refused: Count, depth: Count },
    ({ depth, dropped, refused }) =>
      `The outbox is full (${depth} messages): ${dropped} dropped, ${refused} refused since the start`,
  ),
  'file-damaged': kind(
    'error',
    'A file of the node was damaged, set aside and begun anew',
    { problem: Words },
    ({ problem }) => problem,
  ),
  'memory-set-aside': kind(
    'warning',
    "Memories that the coordinator never takes lie in a file of the node's data folder",
    { problem: Words },
    ({ problem }) => problem,
  ),
  'memory-contradicted': kind(
    'error',
    'What the coordinator has signed of a memory contradicts what the node holds: somebody changed the past',
    { problem: Words },
    ({ problem }) => problem,
  ),
  'message-refused': kind(
    'warning',
    'A message of the coordinator could not be read or obeyed',
    { topic: Type.String({ maxLength: 300 }), problem: Words },
    ({ topic, problem }) => `${topic}: ${problem}`,
  ),
};
export type NodeEventType = keyof typeof nodeEvents;

/** Messages on the same topics that are no events: each is a question, which the coordinator answers and never stores. */
export const nodeAsks = {
  'assignment-gap': kind(
    'info',
    'A change of the assignment does not follow the one before: the node wants all of it. Never kept',
    { from: Generation, have: Generation },
    ({ from, have }) => `a delta from generation ${from} does not follow ${have}`,
  ),
  'drain-asked': kind(
    'info',
    'A person held the drain button of the node: it is to be drained, or to take work again. Never kept',
    { draining: Type.Boolean() },
    ({ draining }) => (draining ? 'its drain button was held' : 'its drain button was held again, to end the drain'),
  ),
};

const overMinutes = troubleOverAfterMs / 60_000;
/** How the events of the machine's troubles are sent, for people who write automations. */
export const troubleEventsText =
  'Events with `over` are told when the trouble begins (`data.over: false`) and once more, under the same ' +
  `type, when the machine has been without it for ${overMinutes} minutes (\`data.over: true\`, severity \`info\`): what comes and goes is one trouble. ` +
  'A node-agent that starts tells once what is wrong then; what ended while it did not run is not told. Events wait in the outbox of the ' +
  'node while it is cut off; `atMs` says when it was.';

const types = [...Object.keys(nodeEvents), ...Object.keys(nodeAsks)];
export const NodeEvent = Type.Object({
  boot: BootId,
  atMs: TimeMs,
  type: Type.String({
    pattern: '^[a-z][a-z-]{0,39}$',
    description: `${types.join(', ')}; one that only a newer node knows is kept as \`log\`.`,
  }),
  severity: Severity,
  text: Type.String({ maxLength: 1000, description: 'For people.' }),
  data: Type.Optional(
    Type.Record(Type.String({ maxLength: 40 }), Type.Unknown(), {
      description: 'The params of its type; what is none of them is not kept.',
    }),
  ),
});
export type NodeEvent = Static<typeof NodeEvent>;
