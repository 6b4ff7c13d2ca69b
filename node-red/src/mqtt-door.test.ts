// Events and refusals over MQTT 5, at the real door for people beside a real broker: what a node sends twice is told once, and a key that may not
// read events may ask all the same.
import { systemClock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { connectNode, root } from '../../test/fixtures/coordinator/bus-rig.ts';
import { openPeople, type PeopleRig } from '../../test/fixtures/coordinator/people-rig.ts';
import { openTestCa, type TestCa } from '../../test/fixtures/coordinator/test-ca.ts';
import { until } from '../../test/fixtures/until.ts';
import type { Door, Gap, Told } from './door.ts';
import { openMqttDoor } from './mqtt-door.ts';
import { troubleOf } from './trouble.ts';

const home: TestCa = await openTestCa();
t.teardown(() => home.close());

function open(t: Test, { doorPort, ca }: PeopleRig, keyId: string): Door {
  const url = `mqtts://127.0.0.1:${doorPort}`;
  const place = { way: 'mqtt', url, key: 'secret', keyId, ca } as const;
  const door = openMqttDoor(place, { clock: systemClock, random: seededRandom(1) });
  t.teardown(() => door.close());
  return door;
}
function listen(t: Test, door: Door) {
  /** Of troubles each change alone. */
  const heard = { events: [] as Told[], gaps: [] as string[], troubles: [] as (string | null)[] };
  const end = door.listen({
    after: null,
    onEvent: (event) => void heard.events.push(event),
    onGap: ({ text }: Gap) => void heard.gaps.push(text),
    onTrouble(error) {
      const kind = error === null ? null : troubleOf(error).kind;
      if (heard.troubles.at(-1) !== kind) heard.troubles.push(kind);
    },
  });
  t.teardown(end);
  return heard;
}
const event = (type: string, atMs: number) =>
  JSON.stringify({ boot: 'first', atMs, type, severity: 'error', text: `it is ${type}`, data: { over: false } });
/** Ends the process of the door, which is started anew. */
async function breakOff(rig: PeopleRig): Promise<void> {
  const { restarts } = rig.door.stand();
  process.kill(rig.door.pid as number, 'SIGKILL');
  await until(() => rig.door.stand().restarts > restarts);
}

t.test('an event that its node sends again is told once, and what a node asks is no event', async (t) => {
  const rig = await openPeople(t, home);
  const heard = listen(t, open(t, rig, 'v'));
  await until(() => heard.troubles.at(-1) === null);
  const { client } = await connectNode(rig, 'alice');
  t.teardown(() => client.end(true));
  const say = (type: string, atMs: number) =>
    client.publishAsync(`${root}/node/alice/event/${type}`, event(type, atMs), { qos: 1 });
  await say('drain-asked', 0);
  for (const atMs of [1, 1, 2]) await say('overheated', atMs);
  await until(() => heard.events.some(({ atMs }) => atMs === 2));
  await breakOff(rig);
  await until(() => heard.gaps.length === 1);
  // The coordinator ended before it told the node that it has the event: it comes once more.
  for (const atMs of [2, 4]) await say('overheated', atMs);
  await until(() => heard.events.some(({ atMs }) => atMs === 4));
  t.match(heard.events, [
    { id: null, atMs: 1, node: 'alice', type: 'overheated', severity: 'error', params: { over: false } },
    { atMs: 2 },
    { atMs: 4 },
  ]);
  t.equal(heard.events.length, 3);
  t.match(heard.gaps, [/^there was no connection for \d+ s: over MQTT the events of that time are not told$/]);
  t.same(heard.troubles, [null, 'away', null]);
});

t.test('a key that may not read events is told so, and asks over the same connection', async (t) => {
  const rig = await openPeople(t, home);
  const door = open(t, rig, 'c');
  const heard = listen(t, door);
  await until(() => heard.troubles.at(-1) === 'no-permission');
  const later = listen(t, door);
  t.same(later.troubles, ['no-permission'], 'also to who listens later');
  const { signal } = new AbortController();
  t.equal(await door.check(signal), 'key c', 'the connection is there');

  const answered = async (prompt: string) => {
    const answer = door.ask({ agent: 'echo', prompt, seconds: 20 }, () => {}, signal);
    const { payload } = await rig.inbox.wait((message) => message.payload.toString().includes(prompt));
    const { id } = JSON.parse(payload.toString());
    const said = JSON.stringify({ agent: 'echo', task: 't1', ok: true, text: `so: ${prompt}`, node: 'alice' });
    rig.bus.publish([{ topic: `${root}/response/c/${id}`, payload: said, qos: 1, retain: false }]);
    return (await answer).text;
  };
  t.equal(await answered('Is the kettle on?'), 'so: Is the kettle on?');
  await breakOff(rig);
  await until(() => heard.troubles.length === 3);
  t.same(heard.troubles, ['no-permission', 'away', 'no-permission']);
  t.same(heard.gaps, [], 'nothing is missed where nothing may be heard');
  t.equal(await answered('And now?'), 'so: And now?');
});

t.test('a wrong key is one in words', async (t) => {
  const rig = await openPeople(t, home);
  const heard = listen(t, open(t, rig, 'x'));
  await until(() => heard.troubles.at(-1) === 'wrong-key');
  t.same(heard.events, []);
});
