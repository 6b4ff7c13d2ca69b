// A copied volume: two processes send in turn with one identity.
import t from 'tap';
import { events, SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';

t.test('two processes that take turns are quarantined once, with words; they do not flap for ever', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('ct101');
  const seen: string[] = [];
  for (let turn = 0; turn < 20; turn++) {
    fleet.now += 1500;
    const boot = turn % 2 === 0 ? 'boot-copy' : 'boot-0001';
    seen.push(...events(fleet.birth('ct101', boot).changes), ...events(fleet.hello('ct101', { boot }).changes));
  }
  t.equal(seen.filter((type) => type === 'node-quarantined').length, 1);
  t.ok(seen.length < 12, seen.join());
  t.match(fleet.node('ct101'), { status: 'quarantined', quarantineReason: /^two processes use the identity ct101/ });
});

t.test('restarts, however many, are no twins; nor is one late word', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  for (let i = 0; i < 50; i++) {
    fleet.now += 1000;
    fleet.birth('alice', `boot-run-${i}`);
    fleet.hello('alice', { boot: `boot-run-${i}` });
  }
  fleet.birth('alice', 'boot-run-48');
  fleet.birth('alice', 'boot-run-49');
  t.equal(fleet.node('alice').status, 'active');
});
