// A node's transport against a real Mosquitto with our ACL: rights suffice, a refused certificate is understood, everything arrives.
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { Outbox } from '../../node-agent/src/transport/outbox.ts';
import { createTransport } from '../../node-agent/src/transport/transport.ts';
import { startMosquitto } from '../fixtures/mosquitto.ts';
import { createThrowawayCa } from '../fixtures/node-agent/throwaway-ca.ts';
import { findProgram, noProgram } from '../fixtures/programs.ts';

const program = findProgram('mosquitto');
t.test(
  'a node whose certificate expired renews it, comes in and says all it has to say',
  { skip: noProgram('mosquitto') },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'fleet-mosquitto-'));
    const ca = await createThrowawayCa();
    const broker = await startMosquitto(program as string, dir, { ...(await ca.server()), ca: ca.pem });
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, run) => systemClock.after(delayMs >= 15_000 ? delayMs : delayMs / 50, run),
    };
    const expired = { notBefore: new Date(Date.UTC(2020, 0)), notAfter: new Date(Date.UTC(2021, 0)) };
    let credentials = await ca.client('alice', expired);
    const renewed = await ca.client('alice');
    const reasons: unknown[] = [];
    const outbox = new Outbox({ path: ':memory:', clock, log: silentLog });
    const events = new EventEmitter();
    const transport = createTransport({
      identity: () => ({
        node: 'alice',
        ...credentials,
        ca: ca.pem,
        caFingerprint: ca.fingerprint,
        issuedMs: 0,
        expiresMs: 1,
        url: 'https://127.0.0.1:1',
        mqtt: { host: '127.0.0.1', port: broker.port },
        class: 'cpu',
        site: 'home',
      }),
      outbox,
      clock,
      random: seededRandom(1),
      log: { ...silentLog, warn: (fields) => reasons.push(fields) },
      keepaliveS: 30,
      boot: 'boot-00000001',
      onNotAccepted: () => {
        credentials = renewed;
      },
    });
    t.teardown(async () => {
      await transport.stop();
      outbox.close();
      await broker.stop();
      rmSync(dir, { recursive: true, force: true });
    });
    const event = { boot: 'boot-00000001', atMs: 1, type: 'log', severity: 'info', text: 'x' } as const;
    for (let i = 0; i < 500; i++) transport.post(`e${i}`, 'sent', 'nodeEvent', { node: 'alice', type: 'log' }, event);
    const down = once(events, 'down');
    const up = once(events, 'up');
    transport.start({
      onUp: () => events.emit('up'),
      onDown: (reason) => events.emit('down', reason),
      onMessage() {},
      onRefused: (topic, text) => t.fail(`${topic}: ${text}`),
    });
    await up;
    t.match(reasons[0], { reason: /refuses this node's certificate: certificate expired/ });
    while (transport.outboxDepth > 0) await new Promise((resolve) => setImmediate(resolve));
    await broker.stop();
    t.match(await down, [/closed the connection/]);
  },
);
