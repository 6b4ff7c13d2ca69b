// The Pi becomes a node: `fleet-node join` as the user of the node-agent, again and again until the network and the coordinator are there.
// What keeps it from joining is told each time that it is another reason. A token that is over is tried on, too: a person may
// allow the node to come back, or the network was that of a stranger.
import { join } from 'node:path';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { type Machine, textAt } from './carry-out.ts';
import { places, units } from './places.ts';

/** `fleet-node join` itself gives up after a minute. */
const attemptMs = 180_000;
const backoff = { firstMs: 5_000, maxMs: 300_000 };

interface Wish {
  token: string;
  name?: string | undefined;
  labels?: Record<string, string> | undefined;
}
interface Around {
  machine: Machine;
  clock: Clock;
  random: Random;
  /** Called with each new reason. */
  waits(why: string): Promise<void>;
}

/** The name of the node; null: this machine is none. */
export function nodeHere({ root }: Machine): string | null {
  for (const name of ['identity.json', 'identity.previous.json']) {
    const node = /"node": *"([a-z0-9-]+)"/.exec(textAt(join(root, places.nodeData, name)) ?? '')?.[1];
    if (node) return node;
  }
  return null;
}

export async function joinFleet({ token, name, labels }: Wish, around: Around): Promise<void> {
  const { machine, clock, random, waits } = around;
  const words = ['join', '--data', places.nodeData, ...(name ? ['--name', name] : [])];
  if (labels)
    words.push(
      '--labels',
      Object.entries(labels)
        .map(([label, value]) => `${label}=${value}`)
        .join(','),
    );
  let said = '';
  for (let attempt = 0; nodeHere(machine) === null; attempt++) {
    const { code, err } = await machine.run(
      ['runuser', '-u', places.nodeUser, '--', places.node, ...words, token],
      attemptMs,
    );
    if (code === 0) break;
    const why =
      err
        .split('\n')
        .at(-1)
        ?.replace(/^fleet-node: /, '')
        .replaceAll(token, 'the join token') ?? '';
    if (why !== said) await waits(why);
    said = why;
    await sleep(clock, backoffMs(backoff, attempt, random));
  }
}

/** What was not started with the machine, which was no node then: the node-agent, and what the coordinator gives to its nodes alone. */
export async function startNode(machine: Machine, withOllama: boolean): Promise<void> {
  await machine.run(['systemctl', 'enable', '--now', '--no-block', units.node], attemptMs);
  if (withOllama) await machine.run(['systemctl', '--no-block', 'start', units.ollama], attemptMs);
}
