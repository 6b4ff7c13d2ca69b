// Troubles of nodes as alerts group them.
import type { NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { boot1, SampleFleet } from '../sample-fleet.ts';
import { acceptHealth } from './presence.ts';
import { nodeTroubles } from './troubles.ts';

const dayMs = 86_400_000;
function ill(fleet: SampleFleet, node: string, over: Partial<NodeHealth>) {
  const message: NodeHealth = {
    boot: boot1,
    seq: 1,
    atMs: fleet.now,
    uptimeS: 1,
    generation: 0,
    cpu: 0.1,
    load1: 0.1,
    memoryFreeBytes: 1e9,
    diskFreeBytes: 1e10,
    tasksRunning: 0,
    tasksWaiting: 0,
    outboxDepth: 0,
    agentRssBytes: 6e7,
    ...over,
  };
  fleet.decide<'node-health'>(acceptHealth, { node, message });
  return nodeTroubles(fleet.view, node, fleet.now, dayMs).filter(({ kind }) => kind === 'node-condition');
}

t.test('sites with names of another script are not one', async (t) => {
  const fleet = new SampleFleet();
  const groups = ['東京', '大阪', 'Köln', 'Kåln'].map((site, i) => {
    fleet.addNode(`n${i}`, { site });
    fleet.birth(`n${i}`);
    return ill(fleet, `n${i}`, { temperatureC: 90 }).map(({ group }) => group);
  });
  t.same(
    groups.map(({ length }) => length),
    [1, 1, 1, 1],
  );
  t.equal(new Set(groups.flat()).size, 4);
  t.same(groups[2], ['node-condition:koln:overheated']);
});

t.test('a lost GPU is a trouble in plain words, with the drain beside it', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('anvil');
  t.match(ill(fleet, 'anvil', { gpuTroubles: [{ kind: 'lost', text: 'RTX 3090: GPU is lost' }] }), [
    {
      severity: 'error',
      title: 'anvil: a GPU is lost: RTX 3090: GPU is lost; it takes nothing new until it is started anew',
      many: 'nodes of home: a GPU is lost',
      actions: [{ verb: 'open-node' }, { verb: 'drain-node' }],
    },
  ]);
  t.same(ill(fleet, 'anvil', {}), []);
});
