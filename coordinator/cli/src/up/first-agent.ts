// The last step of `make up`: where the fleet has no agent, the example's greeter is applied and gets one question, so that `make up` ends
// with an answer on the screen. In: the fleet's API. Out: lines, and commands to try next.
import { join } from 'node:path';
import { FleetError, isEnd, type TaskView } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import type { Client } from '../client.ts';
import { fixWithCommands } from '../fix-words.ts';
import { readAgents } from '../read-agents.ts';
import type { VerbCall } from '../verb.ts';
import { duration } from '../words.ts';
import type { Progress } from './progress.ts';

export const firstAgentFile = 'docs/examples/greeter.yaml';
const firstQuestion = 'Who are you, and what can you do on this node?';
/** A small model on a slow board loads in about half a minute. */
const readyMs = 90_000;
const answerSeconds = 120;

interface Greeting {
  agent: string;
  answer: string;
  /** Model and time of the answer, in words. */
  how: string;
}

/** The first answer of a fleet without agents. Null where the fleet has agents, or after a failure, which is shown as a warning. */
export async function greet(
  call: VerbCall,
  client: Client,
  progress: Progress,
  signal: AbortSignal,
): Promise<Greeting | null> {
  if ((await client.call('agents')).length > 0) return null;
  const [spec] = readAgents(join(call.root, firstAgentFile), firstAgentFile);
  if (!spec) throw new FleetError('internal', { detail: `${firstAgentFile} holds no agent.` });
  await client.call('agentApply', { params: { agent: spec.name }, body: spec });
  progress.done(`agent ${spec.name} is applied, from ${firstAgentFile} (make up BARE=1 leaves it out)`);
  progress.step(`${spec.name} gets ready`);
  const problem = await whenReady(call, client, spec.name, signal);
  if (problem !== null) {
    progress.warn(problem);
    return null;
  }
  progress.step(`asking ${spec.name}: ${firstQuestion}`);
  const task = await ask(call, client, spec.name, signal);
  if (task?.state !== 'done') {
    progress.warn(`${spec.name} has not answered${task ? `: ${task.problem?.text ?? task.state}` : ' yet.'}`);
    return null;
  }
  progress.done(`asked ${spec.name}: ${firstQuestion}`);
  return {
    agent: spec.name,
    answer: (task.result ?? '').trim().replaceAll(/\s+/g, ' '),
    how: task.usage ? `${task.usage.model}, ${duration(task.usage.totalMs)}` : 'without figures',
  };
}

/** Null when the agent is ready, else the reason why it is not, in words. */
async function whenReady(call: VerbCall, client: Client, agent: string, signal: AbortSignal): Promise<string | null> {
  const deadline = call.clock.monotonicMs() + readyMs;
  for (;;) {
    const seen = await client.call('agent', { params: { agent } });
    if (seen.state === 'ready' || signal.aborted) return null;
    if (call.clock.monotonicMs() > deadline) {
      return seen.unplaced
        ? `${agent} is on no node yet: ${seen.unplaced.text}. To fix it: ${fixWithCommands(seen.unplaced.fix, call.as)}`
        : `${agent} is ${seen.state}${seen.reason ? `: ${seen.reason}` : ''}`;
    }
    await sleep(call.clock, 200);
  }
}

async function ask(call: VerbCall, client: Client, agent: string, signal: AbortSignal): Promise<TaskView | null> {
  let task = await client.call('ask', {
    params: { agent },
    body: { prompt: firstQuestion, origin: 'cli', deadlineSeconds: answerSeconds },
  });
  const deadline = call.clock.monotonicMs() + (answerSeconds + 5) * 1000;
  while (!isEnd(task.state) && !signal.aborted && call.clock.monotonicMs() < deadline) {
    await sleep(call.clock, 200);
    task = await client.call('task', { params: { task: task.id } });
  }
  return isEnd(task.state) ? task : null;
}
