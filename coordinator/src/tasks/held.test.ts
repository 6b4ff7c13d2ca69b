// A lease that its node does not hold is not renewed: it ends within the time of a lease, its attempt is not counted, and the task is
// leased anew.
import { maxHeldInHealth, type NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleHealth } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { acceptHealth } from '../fleet/presence.ts';
import { licenceMs } from '../fleet/quiet.ts';
import { unheldMs } from './held.ts';

function beat(fleet: SampleFleet, held: string[] | undefined, over: Partial<NodeHealth> = {}) {
  const { boot, generation } = fleet.node('alice');
  const message = sampleHealth({ boot, generation, ...(held ? { held } : {}), ...over });
  return fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message });
}
function busy(concurrency = 1): SampleFleet {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency });
  return fleet;
}

t.test('what the node does not name is taken back, once it must have it', async (t) => {
  const fleet = busy(2);
  fleet.submit('lost', 'greeter', { attempts: 1 });
  fleet.submit('kept', 'greeter', { attempts: 1 });
  fleet.now += unheldMs - 1;
  t.same(beat(fleet, ['kept.1']).messages, [], 'its message may still be on the way');
  fleet.now += 1;
  t.same(beat(fleet, undefined).messages, [], 'an older node cannot say it');
  const { messages } = beat(fleet, ['kept.1', 'stranger.7']);
  t.match(said(messages, 'cancel'), [{ params: { node: 'alice' }, message: { task: 'lost', attempt: 1 } }]);
  t.match(said(messages, 'task'), [{ message: { task: 'lost', attempt: 2 } }], 'and leased anew at once');
  t.match(fleet.task('lost'), { attempts: 2, past: [{ outcome: 'lost', text: /alice does not hold it/ }] });
  t.match(fleet.task('kept'), { state: 'leased', attempt: 1 });
  t.same(beat(fleet, ['kept.1']).messages, [], 'the new lease has its time too');
  t.ok(unheldMs < licenceMs);
});

t.test('after a hello every lease has its time again: those it lacked are sent once more', async (t) => {
  const fleet = busy();
  fleet.submit('t1', 'greeter');
  fleet.now += unheldMs;
  t.equal(said(fleet.hello('alice', { upMs: fleet.now }).messages, 'task').length, 1);
  t.same(beat(fleet, []).messages, [], 'its first heartbeat overtakes the lease');
  fleet.now += unheldMs;
  t.equal(said(beat(fleet, []).messages, 'cancel').length, 1);
});

t.test('another attempt is another lease', async (t) => {
  const fleet = busy();
  fleet.submit('t1', 'greeter');
  fleet.now += unheldMs;
  t.equal(said(beat(fleet, ['t1.2']).messages, 'cancel').length, 1);
});

t.test('a node that holds more than it can name is judged by the oldest alone', async (t) => {
  const fleet = busy(60);
  const ids = Array.from({ length: 50 }, (_, i) => `t${i}`);
  for (const id of ids) {
    fleet.submit(id, 'greeter');
    fleet.now += unheldMs;
  }
  fleet.now += unheldMs;
  const named = ids.slice(1, 1 + maxHeldInHealth).map((id) => `${id}.1`);
  t.same(
    said(beat(fleet, named).messages, 'cancel').map(({ message }) => message.task),
    ['t0'],
    'older than the newest named and not named; what is newer may be there',
  );
});

t.test('who has not said hello, or speaks of an old boot, takes nothing back', async (t) => {
  const fleet = busy();
  fleet.submit('t1', 'greeter');
  fleet.now += unheldMs;
  t.same(beat(fleet, [], { boot: 'boot-other' }).messages, []);
  fleet.birth('alice', 'boot-0009');
  t.same(said(beat(fleet, []).messages, 'cancel'), []);
  t.equal(fleet.task('t1')?.state, 'leased');
});
