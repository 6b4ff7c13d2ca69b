// A release of the node-agent reaches a fleet: a real coordinator, forty simulated nodes, and two real node-agents under their launcher. Here
// one that does not start and a good one; `make rollouts-check` has the other bad ones, a node that is away, skipped and older versions.
import t from 'tap';
import { noReleaseHere } from '../fixtures/released-node.ts';
import { openStage } from '../rollouts/stage.ts';
import { badRelease, goodRelease, onSharedMachine } from '../rollouts/stories.ts';

t.setTimeout(300_000);

t.test('a release reaches the fleet wave by wave', { skip: noReleaseHere }, async (t) => {
  const stage = await openStage(t);
  await t.test('one that does not start is stopped in its first wave, and taken back', async (t) => {
    await stage.add('no-start');
    await badRelease(stage, 'no-start', 'base');
    t.pass('by the gate that looks at updates; no other node heard of it');
  });
  await t.test('a good one goes through, and the death of the coordinator does not stop it', async (t) => {
    await stage.add('good');
    await goodRelease(stage, 'good', onSharedMachine);
    t.pass('all nodes run it');
  });
});
