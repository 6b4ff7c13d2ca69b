// The live screen of `make up`: the fleet at a glance, redrawn each second, with what to try next. Reads the API like anyone else.
import { sleep } from '@blackroad/std/clock';
import type { Client } from '../client.ts';
import type { VerbCall } from '../verb.ts';
import { agentTable } from '../verbs/agents.ts';
import { nodeTable } from '../verbs/nodes.ts';
import { duration } from '../words.ts';

const redrawMs = 1000;
/** Lists longer than this are not asked for each second; the console shows them. */
const maxListed = 200;

export async function liveScreen(
  call: VerbCall,
  client: Client,
  head: () => string[],
  signal: AbortSignal,
): Promise<void> {
  const out = process.stdout;
  out.write('\u001b[?25l');
  try {
    while (!signal.aborted) {
      const lines = await draw(call, client, head()).catch((error: Error) => [
        ...head(),
        '',
        call.paint('yellow', error.message),
      ]);
      const rows = (out.rows ?? 40) - 1;
      out.write(
        `\u001b[H${lines
          .slice(0, rows)
          .map((line) => `${line}\u001b[K`)
          .join('\n')}\u001b[J`,
      );
      await sleep(call.clock, redrawMs);
    }
  } finally {
    out.write('\u001b[?25h\n');
  }
}

async function draw(call: VerbCall, client: Client, head: string[]): Promise<string[]> {
  const { paint } = call;
  const fleet = await client.call('fleet');
  const { online, suspect, lost } = fleet.nodes;
  const nodeCount = online + suspect + lost;
  const agentCount = fleet.agents.ready + fleet.agents.starting + fleet.agents.unplaced + fleet.agents.failed;
  const lines = [
    ...head,
    '',
    `nodes ${paint('green', `${online} online`)}${suspect ? paint('yellow', `, ${suspect} suspect`) : ''}${lost ? paint('red', `, ${lost} lost`) : ''}   agents ${fleet.agents.ready} ready${fleet.agents.unplaced ? paint('red', `, ${fleet.agents.unplaced} unplaced`) : ''}   tasks ${fleet.tasks.running} running, ${fleet.tasks.queued} queued   memories ${fleet.memories}   up ${duration(fleet.nowMs - fleet.startedMs)}`,
    '',
  ];
  const columns = { columns: process.stdout.columns ?? 120, paint };
  if (nodeCount > 0 && nodeCount <= maxListed)
    lines.push(...nodeTable(await client.call('nodes'), columns).split('\n'), '');
  if (agentCount > 0 && agentCount <= maxListed)
    lines.push(...agentTable(await client.call('agents'), columns).split('\n'), '');
  const tries =
    agentCount === 0
      ? [
          'bin/fleet agents apply -f docs/examples/greeter.yaml',
          'bin/fleet ask greeter "My name is Ada. What can you do on this node?"',
        ]
      : ['bin/fleet ask greeter "What is my name?"', 'bin/fleet join-token create        (to add a Pi)'];
  lines.push(
    paint('dim', 'Try in another terminal:'),
    ...tries.map((each) => `  ${each}`),
    '',
    paint('dim', 'Ctrl-C stops the fleet.'),
  );
  return lines;
}
