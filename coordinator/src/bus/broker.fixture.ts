// The embedded broker as tests open it: certificates of a CA of the test's own, a free port, an inbox of what arrives.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import type { Test } from 'tap';
import type { TestCa } from '../../../test/contract/identities.ts';
import { createDoorkeeper } from '../door/doorkeeper.ts';
import { type AedesBusOptions, createAedesBus } from './aedes.ts';
import { type BusRig, createInbox } from './conformance.ts';

/** A doorkeeper that is not in the way. */
const open = () => createDoorkeeper(systemClock, { refusalsPerMinute: 1_000, requestsPerMinute: 100_000 }, () => {});

/** `abroad`: another CA, whose nodes are foreign here. */
export async function openBroker(
  t: Test,
  { ca, node }: TestCa,
  abroad: TestCa,
  given: Pick<AedesBusOptions, 'gate'> & Partial<AedesBusOptions>,
): Promise<BusRig> {
  const server = await ca.issueServer({ hosts: [] });
  const bus = createAedesBus({
    tls: { ...server, ca: ca.pem, ticketKeys: ca.ticketKeys() },
    host: '127.0.0.1',
    port: 0,
    doorkeeper: open(),
    log: silentLog,
    clock: systemClock,
    ...given,
  });
  const inbox = createInbox(systemClock);
  await bus.start(inbox.push);
  const close = () => bus.stop();
  t.teardown(close);
  const rig = { bus, inbox, port: bus.port, ca: ca.pem, clock: systemClock, node, foreign: abroad.node };
  return { ...rig, server, embedded: true, close };
}
