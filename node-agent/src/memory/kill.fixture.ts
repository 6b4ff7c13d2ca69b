// For kill.test.ts: a process that remembers as fast as it can and prints each sequence number that was acknowledged as durable.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import { createNodeMemory } from './node-memory.ts';
import { TinyCoordinator } from './tiny-coordinator.fixture.ts';

const dir = process.argv[2]!;
const coordinator = new TinyCoordinator();
const memory = createNodeMemory({
  dir,
  node: 'alice',
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  embed: async () => null,
});
const agents = ['ada', 'bob'].map((name) => ({ name, log: memory.open(coordinator.place(name, 'alice')) }));
// Confirms the logs, then stays silent: nothing is acknowledged, everything depends on this disk.
memory.publish = (agent, message) => {
  if (message.type !== 'hello') return;
  queueMicrotask(() => memory.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' }));
};
memory.connected();
setInterval(() => {}, 1_000);
for (const { name, log } of agents) {
  (async () => {
    for (let i = 0; ; i++) {
      const { seq } = await log.append({
        kind: 'note',
        text: `${name} ${i}`,
        source: 'test',
        actorId: `agent:${name}`,
      });
      if (seq > 0) process.stdout.write(`${name} ${seq} ${i}\n`);
    }
  })();
}
