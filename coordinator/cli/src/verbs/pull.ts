// `nodes pull`: commands a node to fetch a model. The node replies when it has found whether the model can be fetched; with --wait the
// fetch is followed to its end. Ctrl-C ends the wait, not the fetch.
import { FleetError } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Client } from '../client.ts';
import { fetchStand } from '../fetch-stand.ts';
import { createProgress, type Progress } from '../up/progress.ts';
import { argument, type Verb, type VerbCall } from '../verb.ts';

const lookMs = 1000;
/** The node reports a fetch before it replies; a report that is late or lost is repeated within half a minute. */
const silentLooks = 40;

/** Resolves when the model is on the node, or when the wait is interrupted. @throws FleetError with the node's reason */
export async function followPull(
  client: Pick<Client, 'call'>,
  order: { node: string; model: string },
  call: Pick<VerbCall, 'clock' | 'signal'>,
  progress: Pick<Progress, 'bar' | 'step'>,
): Promise<'here' | 'left'> {
  const { model } = order;
  let silent = 0;
  let said = '';
  while (!call.signal.aborted) {
    const node = await client.call('node', { params: { node: order.node } });
    if (node.presence !== 'online') {
      const detail = `${node.id} is ${node.presence} (${node.presenceReason}): the progress of ${model} is not known.`;
      throw new FleetError('node-away', { detail });
    }
    const stand = fetchStand(node, model);
    if (stand.state === 'failed') throw new FleetError('conflict', { detail: `${node.id}: ${stand.problem}` });
    if (stand.state === 'here') return 'here';
    silent = stand.state === 'silent' ? silent + 1 : 0;
    if (silent > silentLooks) {
      const detail = `${node.id} neither has ${model} nor fetches it; its events may show the reason.`;
      throw new FleetError('unavailable', { detail });
    }
    if (stand.state === 'fetching') {
      const { status, completedBytes, totalBytes } = stand;
      if (totalBytes > 0) progress.bar(model, status, completedBytes, totalBytes);
      else if (status !== said) progress.step(`${model}: ${status}`);
      said = status;
    }
    await sleep(call.clock, lookMs);
  }
  return 'left';
}

export const pullVerb: Verb = {
  words: 'nodes pull',
  args: '<node> <model>',
  text: 'Tells a node to fetch a model. Ends with exit code 1 and the reason when the node cannot have it.',
  flags: { wait: { type: 'boolean', short: 'w', text: 'Shows the progress, and ends when the model is on the node.' } },
  completes: 'nodes',
  async run(call) {
    const order = { node: argument(call, 0, '<node>'), model: argument(call, 1, '<model>') };
    const client = call.client();
    const answer = await client.call('nodePull', { params: { node: order.node }, body: { model: order.model } });
    if (call.flags.wait !== true) {
      call.show(answer, () => answer.text);
      return;
    }
    const canvas = { isTTY: call.interactive, columns: call.columns, write: call.write };
    const progress = createProgress(call.json ? { write: () => true } : canvas, call.paint, call.clock);
    // Timers of a Clock never keep a process alive, and nothing else does between two looks.
    const letGo = holdProcess();
    const end = await followPull(client, order, call, progress).finally(letGo);
    if (end === 'left') call.note(`${order.node} continues to fetch ${order.model}.`);
    else if (call.json) call.show({ ...order, here: true }, () => '');
    else progress.done(`${order.model} is on ${order.node}`);
  },
};
