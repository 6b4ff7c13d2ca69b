// The table of events: every row makes words without `undefined` from params that its schema accepts; an event of a node names no agent,
// and no event of a node passes for one of the coordinator's own.
import t from 'tap';
import { Check } from 'typebox/schema';
import {
  type EventParams,
  type EventType,
  events,
  eventTypes,
  eventWords,
  FleetEvent,
  isEventType,
  severityOf,
} from './events.ts';
import { NodeEvent, nodeAsks, nodeEvents } from './node-events.ts';

const ada = { kind: 'key', id: 'k1', name: 'ada' } as const;
/** One sample of each type, with its words. */
const samples: { [T in EventType]: [EventParams<T>, string] } = {
  'coordinator-started': [{ nodes: 1, graceSeconds: 60 }, 'the coordinator started; 1 node has 60 s to come back'],
  'clock-set': [
    { byMs: -7_200_000 },
    'the clock of the coordinator went back by 7200 s; what is waited for is waited for as long as before',
  ],
  'storage-back': [
    { seconds: 12, problem: 'disk full', refused: 2 },
    'the coordinator could store nothing for 12 s (disk full); 2 inputs were refused',
  ],
  'release-added': [
    { name: 'blackroad-node', version: '1.0.0', arch: 'arm64', sha256: 'ab'.repeat(32), by: 'key:ada' },
    'blackroad-node 1.0.0 for arm64 is here for the nodes, from key:ada',
  ],
  'release-refused': [
    { reason: 'key', problem: 'another key', by: 'key:ada' },
    'a release from key:ada was refused: another key',
  ],
  'coordinator-upgrade': [
    { version: '2.0.0', from: '1.0.0', state: 'rolled-back', text: 'it did not start', by: 'key:ada' },
    'the coordinator runs 1.0.0 again and not 2.0.0: it did not start',
  ],
  'install-refused': [
    { reason: 'key', version: '1.0.0', arch: 'arm64', by: 'token:ab' },
    'blackroad-node 1.0.0 for arm64 was refused by a machine (token:ab): a key that the machine does not trust has signed it',
  ],
  'webhook-given-up': [
    { webhook: 'pager', event: 'node-lost', problem: 'answered 503' },
    'the webhook pager could not be told of node-lost: answered 503',
  ],
  'moves-frozen': [
    { site: 'barn', away: 4, nodes: 6, seconds: 60 },
    '4 of 6 nodes of site barn went away within 60 s: most likely the network or the coordinator, so no agent there is moved',
  ],
  'moves-resumed': [
    { frozen: ['barn', null] },
    'enough nodes of the fleet are back: agents may be moved again; still frozen: site barn, the fleet',
  ],
  'moves-released': [
    { site: 'barn', by: ada, reasons: ['a', 'b'] },
    'moves at site barn released by key:ada; frozen because: a; b',
  ],
  'backup-made': [{ backup: 'fleet-home', bytes: 9, seconds: 2 }, 'backup fleet-home is made: 9 bytes in 2 s'],
  'backup-failed': [{ problem: 'the disk is full' }, 'no backup was made: the disk is full'],
  restored: [
    { backupMs: 0, restoredMs: 3_600_000, agents: 2, nodes: 1, tasks: 1 },
    'restored from the backup of 1970-01-01 00:00 UTC, at 1970-01-01 01:00 UTC, with 1 node and 2 agents; nodes bring what they have of the time between; 1 task that had not ended may have been done since: see the failed tasks',
  ],
  'restore-found': [
    { node: 'alice', agent: 'ada' },
    'alice has the agent ada as the backup does not know it: it was made or changed since',
  ],
  'budget-low': [
    { of: 'key', name: 'guest', words: '$8.10 of $10 used' },
    'the budget of the key guest comes to its end: $8.10 of $10 used',
  ],
  'budget-used-up': [
    { of: 'agent', name: 'ada', agent: 'ada', words: '$10.10 of $10 used' },
    'the budget of the agent ada is used up: $10.10 of $10 used',
  ],
  'node-enrol': [{ node: 'alice', class: 'pi' }, 'alice joined as pi'],
  'node-reclaim': [{ node: 'alice' }, 'alice was set up anew and took its old place back'],
  'enrol-refused': [
    { name: '', hardware: 'ab12', code: 'token-expired', problem: 'join token x expired 5 s ago' },
    'a machine (hardware ab12) may not join: join token x expired 5 s ago',
  ],
  'node-online': [{ node: 'alice', isNew: false, reason: 'connected' }, 'alice is back: connected'],
  'node-suspect': [{ node: 'alice', cause: 'silent', reason: 'silent' }, 'alice is away: silent'],
  'node-lost': [
    { node: 'alice', awaySeconds: 90, cause: 'silent', reason: 'silent', tasks: 2 },
    'alice has been away for 90 s (silent); 2 tasks go back to the queue',
  ],
  'node-quarantined': [{ node: 'alice', reason: 'a twin' }, 'alice is quarantined: a twin'],
  'rollout-started': [
    { rollout: 'r1', what: 'node-agent 1.2.0', subjects: 40, waves: 4, by: ada },
    'key:ada rolls out node-agent 1.2.0: 40 machines or agents in 4 waves',
  ],
  'rollout-wave': [
    { rollout: 'r1', what: 'node-agent 1.2.0', wave: 2, waves: 4, size: 3 },
    'node-agent 1.2.0: wave 2 of 4 begins, 3 in all',
  ],
  'rollout-approval': [
    { rollout: 'r1', what: 'node-agent 1.2.0', wave: 2 },
    'node-agent 1.2.0: a person must approve wave 2',
  ],
  'rollout-red': [
    { rollout: 'r1', what: 'node-agent 1.2.0', wave: 1, gate: 'memory', reason: 'too much', goesBack: true },
    'node-agent 1.2.0 goes back in wave 1: too much',
  ],
  'rollout-ended': [
    { rollout: 'r1', what: 'node-agent 1.2.0', how: 'rolled-back', reason: 'too much' },
    'node-agent 1.2.0 is rolled back: too much',
  ],
  update: [
    { rollout: 'r1', version: '1.2.0', state: 'rolled-back', text: 'it did not start' },
    'node-agent 1.2.0: rolled-back, it did not start',
  ],
  'os-update': [
    { rollout: 'r1', job: 'restart', state: 'failed', text: 'it did not go down' },
    'restart of the machine: failed, it did not go down',
  ],
  'node-forgotten': [{ node: 'alice' }, 'alice was forgotten'],
  'node-class': [
    { node: 'alice', class: 'gpu', was: 'cpu' },
    'alice is of class gpu now, and was cpu: its hardware was found to be other than when it joined',
  ],
  'model-idle': [
    { node: 'alice', model: 'small', minutes: 30 },
    'small on alice had no task for 30 min: its memory is freed, the next task loads it',
  ],
  'not-its-own': [
    { node: 'eve', claim: 'eve: it answers for alice' },
    'eve: it answers for alice. It never held that, and is not heard; what more of this comes within an hour is counted at the node',
  ],
  'over-budget': [
    { node: 'mad', burst: 100, perMinute: 20 },
    'mad tells more events than 100 at once and 20 a minute: what comes beyond that is not kept, and is counted on its page until it has been quieter',
  ],
  'records-delayed': [
    { node: 'mad', burst: 100, perMinute: 20 },
    'mad brings more tasks of its own and entries of branches than 100 at once and 20 a minute: it keeps what comes beyond that, and brings it again',
  ],
  'agent-placed': [{ agent: 'ada', node: 'alice', model: 'small' }, 'ada goes to alice with small'],
  'agent-moved': [
    { agent: 'ada', from: 'vm', node: 'alice', model: 'small', cause: 'lost', because: 'vm is lost' },
    'ada moves from vm to alice with small: vm is lost',
  ],
  'agent-unplaced': [
    { agent: 'ada', node: 'vm', cause: 'lost', because: 'vm is lost', nowhere: 'every node is full' },
    'ada is taken off vm: vm is lost; every node is full',
  ],
  'agent-failed': [{ agent: 'ada', node: 'vm' }, 'ada failed on vm: no reason given'],
  'agent-renamed': [{ agent: 'ada', was: 'eva' }, 'eva is called ada from now on'],
  'agent-removed': [{ agent: 'ada' }, 'ada was removed'],
  'memory-fork': [
    { agent: 'ada', node: 'vm', fromSeq: 7 },
    'vm holds another history of ada from about entry 7 on; it will be kept as a branch',
  ],
  'memory-branch': [
    { agent: 'ada', node: 'vm', branch: 'ada.vm.2', epoch: 2, fromSeq: 3, uptoSeq: 9 },
    'vm brought what it had written for ada under epoch 2: entries 3 to 9, kept as branch ada.vm.2',
  ],
  'memory-branch-cut': [
    { agent: 'ada', node: 'vm', branch: 'ada.vm.2', fromSeq: 3, uptoSeq: 9 },
    'branch ada.vm.2 ends at entry 9: vm was forgotten before it had brought all of it; entries 3 to 9 are kept',
  ],
  'memory-erased': [
    { agent: 'lucidia', erasure: 'lucidia.2', entries: 14, nodes: 1 },
    '14 memories of lucidia are erased; 1 node has to confirm it',
  ],
  'memory-erased-everywhere': [
    { agent: 'lucidia', erasure: 'lucidia.2' },
    'every node has confirmed erasure lucidia.2 of lucidia',
  ],
  'memory-damaged': [
    { agent: 'lucidia', seq: 7, problem: 'its content was changed' },
    'the memory of lucidia does not verify, entry 7: its content was changed',
  ],
  'memory-merged': [
    { agent: 'ada', node: 'vm', branch: 'ada.vm.2', epoch: 2 },
    'what vm remembered of ada under epoch 2 is brought in',
  ],
  'model-pulled': [{ model: 'small' }, 'small is here'],
  'model-pull-failed': [{ model: 'small', problem: 'no such model' }, 'small: no such model'],
  'model-evicted': [
    { model: 'small', bytes: 2 * 1024 ** 3, usedMs: 0 },
    'small was removed: the disk is nearly full, nobody here needs it, and it was last used on 1970-01-01; 2.0 GiB are free again',
  ],
  'outbox-full': [
    { depth: 10, dropped: 2, refused: 3 },
    'The outbox is full (10 messages): 2 dropped, 3 refused since the start',
  ],
  'file-damaged': [{ problem: 'set aside' }, 'set aside'],
  'memory-set-aside': [{ problem: 'set aside' }, 'set aside'],
  'memory-contradicted': [{ problem: 'two checkpoints 3' }, 'two checkpoints 3'],
  'message-refused': [{ topic: 'cmd/a/task', problem: 'too large' }, 'cmd/a/task: too large'],
  'runtime-found': [{ kind: 'ollama', runtime: 'ollama 0.12' }, 'ollama 0.12 answers'],
  'runtime-lost': [{ kind: 'ollama', runtime: 'ollama 0.12', problem: 'it hangs' }, 'it hangs'],
  throttled: [{ over: false }, 'is throttled: it runs slower than it could'],
  undervoltage: [{ over: false }, 'has too weak a power supply: undervoltage'],
  overheated: [{ over: false, temperatureC: 85.6 }, 'is overheated: 86 °C; it needs cooling'],
  'disk-low': [{ over: false, freeBytes: 1.5 * 1024 ** 3 }, 'is short of disk: 1.5 GiB left'],
  'disk-read-only': [
    { over: false },
    'has a read-only disk: its agents can remember nothing; the SD card may be dying',
  ],
  'clock-unsynced': [{ over: false }, 'has a clock that no time server sets: its times are guesses'],
  log: [{ type: 'fan-stopped' }, 'fan-stopped: this version does not know what that is'],
};

t.test('each type says what happened, from params that its schema takes', async (t) => {
  const say = <T extends EventType>(type: T): void => {
    const [params, text] = samples[type];
    t.equal(eventWords(type, params), text, type);
    t.ok(Check(events[type].params, params), `${type}: its params`);
    t.notOk(Check(events[type].params, []), `${type}: nothing else`);
  };
  for (const type of eventTypes) say(type);
  t.equal(eventWords('clock-set', { byMs: 600 }).match(/forward by 1 s/)?.length, 1);
  t.match(eventWords('node-online', { node: 'alice', isNew: true, reason: '' }), 'alice is here for the first time');
  t.equal(
    eventWords('node-lost', { node: 'alice', cause: 'quarantined', reason: 'quarantined: x', tasks: 0 }),
    'alice is shut out',
  );
  t.match(
    eventWords('memory-branch-cut', { ...samples['memory-branch-cut'][0], cause: 'nothing-left' }),
    'branch ada.vm.2 ends at entry 9: vm had not brought all of it, and says that it has nothing left to bring',
  );
  t.equal(eventWords('moves-released', { by: ada, reasons: ['a'] }), 'moves released by key:ada; frozen because: a');
});

t.test('a trouble that is over is news, and a disk that is nearly full is graver than a small one', async (t) => {
  for (const type of ['throttled', 'undervoltage', 'disk-read-only', 'clock-unsynced'] as const) {
    t.equal(severityOf(type, { over: true }), 'info', type);
    t.not(severityOf(type, { over: false }), 'info', type);
    t.match(eventWords(type, { over: true }), /again|no more/, type);
  }
  t.equal(severityOf('disk-low', { over: false, freeBytes: 1e9 }), 'warning');
  t.equal(severityOf('disk-low', { over: false, freeBytes: 1e8 }), 'error');
  t.equal(severityOf('disk-low', { over: true, freeBytes: 1e10 }), 'info');
  t.equal(severityOf('node-suspect', { node: 'alice', cause: 'stopped', reason: 'stopped' }), 'info');
  t.equal(severityOf('node-suspect', { node: 'alice', cause: 'silent', reason: 'silent' }), 'warning');
});

t.test('what an event is of is a type of the table', async (t) => {
  const event = {
    id: 1,
    atMs: 1,
    node: null,
    agent: null,
    type: 'agent-moved',
    severity: 'info',
    text: '',
    params: {},
  };
  t.ok(Check(FleetEvent, event));
  t.notOk(Check(FleetEvent, { ...event, type: 'agent-flew' }));
  t.notOk(isEventType('toString'));
});

t.test('what a node may tell is a part of the table, and is about no agent', async (t) => {
  for (const type of Object.keys(nodeAsks)) t.notOk(isEventType(type), 'a question is no event');
  for (const [type, { params }] of Object.entries(nodeEvents)) {
    t.ok(isEventType(type), type);
    t.notOk('agent' in params.properties, `${type}: who asks whether the agent is its own?`);
    t.ok(JSON.stringify(NodeEvent.properties.type).includes(type), `${type} is named where the message is described`);
  }
});
