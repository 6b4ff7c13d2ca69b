// The live screen of `make up`: the state of the fleet, redrawn each second, with commands to try next. Reads the API like any client. It
// is drawn on the terminal's alternate screen and is never larger than its window, so that nothing scrolls away.
import { counted } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import type { Client } from '../client.ts';
import type { VerbCall } from '../verb.ts';
import { agentTable } from '../verbs/agents.ts';
import { nodeTable } from '../verbs/nodes.ts';
import { cutTo, duration } from '../words.ts';
import { firstAgentFile } from './first-agent.ts';

const redrawMs = 1000;
/** Lists longer than this are not fetched each second; the console shows them. */
const maxListed = 200;
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

interface Window {
  columns: number;
  rows: number;
}

export async function liveScreen(
  call: VerbCall,
  client: Client,
  head: () => string[],
  signal: AbortSignal,
): Promise<void> {
  const out = process.stdout;
  out.write(enter);
  const draw = async () => {
    const window = { columns: out.columns ?? 80, rows: out.rows ?? 24 };
    const lines = await screenOf(call, client, head(), window).catch((error: Error) => [
      ...head(),
      '',
      call.paint('yellow', error.message),
    ]);
    if (!signal.aborted) out.write(drawn(lines, window));
  };
  try {
    while (!signal.aborted) {
      await draw();
      await sleep(call.clock, redrawMs);
    }
  } finally {
    out.write(leave);
  }
}

/** The lines as escape sequences: each line is cut at the window's edge, and no newline follows the window's last line. */
export function drawn(lines: readonly string[], { columns, rows }: Window): string {
  const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => `${cutTo(columns - 1, line)}\u001b[K`);
  return `\u001b[H${shown.join('\r\n')}\u001b[J`;
}

async function screenOf(call: VerbCall, client: Client, head: string[], window: Window): Promise<string[]> {
  const { paint } = call;
  const fleet = await client.call('fleet');
  const { online, suspect, lost } = fleet.nodes;
  const nodeCount = online + suspect + lost;
  const agentCount = fleet.agents.ready + fleet.agents.starting + fleet.agents.unplaced + fleet.agents.failed;
  const words = [
    `nodes ${paint('green', `${online} online`)}${suspect ? paint('yellow', `, ${suspect} suspect`) : ''}${lost ? paint('red', `, ${lost} lost`) : ''}`,
    `agents ${fleet.agents.ready} ready${fleet.agents.unplaced ? paint('red', `, ${fleet.agents.unplaced} unplaced`) : ''}`,
    `tasks ${fleet.tasks.running} running, ${fleet.tasks.queued} queued`,
    `up ${duration(fleet.nowMs - fleet.startedMs)}`,
  ];
  const listed = agentCount > 0 && agentCount <= maxListed ? await client.call('agents') : [];
  const foot = [
    paint('dim', 'Try in another terminal:'),
    ...nextSteps(call, listed[0]?.name ?? null, agentCount).map((each) => `  ${each}`),
    paint('dim', `Ctrl-C stops the fleet.`),
  ];
  const top = [...head, '', words.join('   '), ''];
  const columns = { columns: window.columns - 1, paint, as: call.as };
  // The tables share the rows of the window that the other parts leave free.
  const room = Math.max(6, window.rows - top.length - foot.length - 2);
  const nodes =
    nodeCount > 0 && nodeCount <= maxListed ? nodeTable(await client.call('nodes'), columns).split('\n') : [];
  const agents = listed.length > 0 ? agentTable(listed, columns).split('\n') : [];
  const half = Math.floor(room / 2);
  const forNodes = Math.min(nodes.length, Math.max(half, room - agents.length));
  const forAgents = Math.min(agents.length, room - forNodes);
  return [...top, ...fitted(nodes, forNodes, 'node'), '', ...fitted(agents, forAgents, 'agent'), '', ...foot];
}

/** The first lines of a table, with the number of the rows left out. */
export function fitted(lines: readonly string[], room: number, noun: string): string[] {
  if (lines.length <= room) return [...lines];
  const shown = lines.slice(0, Math.max(1, room - 1));
  return [...shown, `... and ${counted(lines.length - shown.length, `more ${noun}`)}`];
}

/** Commands to try next, in the form that runs from this folder. `agent`: one of the `count` agents; null where they were not listed. */
export function nextSteps(call: VerbCall, agent: string | null, count: number): string[] {
  if (count === 0)
    return [
      call.as.fleet(`agents apply -f ${call.as.file(firstAgentFile)}`),
      call.as.fleet('ask greeter "What can you do on this node?"'),
    ];
  const asks =
    agent === null
      ? [call.as.fleet('agents')]
      : [call.as.fleet(`ask ${agent} "My name is Ada."`), call.as.fleet(`ask ${agent} "What is my name?"`)];
  return [...asks, `${call.as.fleet('join-token create')}   (to add a Pi)`];
}
