// What handlers are given is made while the fleet goes on: the past is read from the store meanwhile, and that takes its time.
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { createApiContext } from './context.ts';

t.test('what is committed while the past is read is in the figures', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const loop = fleet.coordinator;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { view, policy, counters, planning, commits, requestWays, store } = loop;
  const making = createApiContext({
    ...fleet.context,
    coordinator: {
      ...{ view, policy, counters, planning, commits, requestWays },
      submit: loop.submit.bind(loop),
      watch: loop.watch.bind(loop),
      follow: loop.follow.bind(loop),
      command: loop.command.bind(loop),
      request: loop.request.bind(loop),
      stop: loop.stop.bind(loop),
      store: { ...store, tasks: (page) => held.then(() => store.tasks(page)) },
    },
  });
  await fleet.enrol('alice');
  release();
  const context = await making;
  t.teardown(() => context.stop());
  t.equal(context.tally.counts().nodes.never, 1);
  t.strictSame(context.tally.counts(), fleet.context.tally.counts());
});
