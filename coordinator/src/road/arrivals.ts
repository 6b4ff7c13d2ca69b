// From messages of the bus to inputs of the loop: decoded, checked against the table of topics, and submitted. A message that fits no
// topic, or a retained copy of a topic that is not retained, is counted and logged within bounds, and an ask gets an answer with the
// reason.
import { type Checker, type Decoded, decode, type FleetEvent, topics } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Arrived } from '../bus/bus.ts';
import type { Refusals } from '../door/counted-refusals.ts';
import type { Following } from '../live/following.ts';
import type { Outcome } from '../state/decision.ts';
import { firstOwed } from '../state/erasures.ts';
import type { Answer, InputKind, Inputs } from '../state/input.ts';
import type { View } from '../state/view.ts';
import type { Asks } from './asks.ts';
import type { Commands } from './commands.ts';
import { branchedOn, offerOf } from './memory-reads.ts';
import type { ModelRequests } from './model-requests.ts';

/** Between two messages about the same erasure to a node that does not confirm it. */
const eraseAgainMs = 60_000;

interface ArrivalsParts {
  view: View;
  clock: Pick<Clock, 'monotonicMs'>;
  check: Checker;
  refusals: Refusals;
  asks: Asks;
  commands: Commands;
  requests: ModelRequests;
  following: Following;
  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>>;
  count(name: string): void;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  readonly #erasuresToldMs = new Map<string, number>();

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  arrived(message: Arrived): void {
    const { check, refusals, asks, count } = this.#parts;
    const { topic, payload, retained, refused } = message;
    if (refused !== undefined) {
      asks.answerRefused(message, refused);
      return;
    }
    const noted = { topic: topic.slice(0, 200) };
    const decoded = decode(topic, payload, check);
    if ('refused' in decoded) {
      count(`remark ${decoded.refused}`);
      refusals.note(decoded.refused, noted, decoded.text);
      if (!retained) asks.answerRefused(message, decoded.text);
      return;
    }
    // A broker sends a retained message to each new subscriber: at every start the same command would be carried out again.
    if (retained && !topics[decoded.name].retain) {
      count('remark retained');
      refusals.note('retained', noted, `a retained ${decoded.name} is not acted on; clear it`);
      return;
    }
    count(`message ${decoded.name}`);
    this.#take(decoded, message).catch((error: Error) =>
      refusals.note('not-taken', { ...noted, error: error.message }, 'a message was not taken in'),
    );
  }

  async #take(decoded: Decoded, { by, request }: Arrived): Promise<void> {
    const { view, asks, commands, requests, following, submit } = this.#parts;
    const node = decoded.params.node as string;
    switch (decoded.name) {
      case 'nodeState':
        await submit('node-state', { node, message: decoded.message });
        return;
      case 'nodeHello':
        await submit('node-hello', { node, message: decoded.message });
        await this.#tellErasures(node);
        for (const agent of branchedOn(view, node)) await this.offerBranch(agent);
        return;
      case 'nodeInfo':
        await submit('node-info', { node, message: decoded.message });
        return;
      case 'nodeHardware':
        await submit('node-hardware', { node, message: decoded.message });
        return;
      case 'nodeCapacity':
        await submit('node-capacity', { node, message: decoded.message });
        return;
      case 'nodeHealth':
        await submit('node-health', { node, message: decoded.message });
        await this.#tellErasures(node, eraseAgainMs);
        return;
      case 'nodeEvent':
        await submit('node-event', { node, message: decoded.message });
        return;
      case 'agentState':
        await submit('agent-observed', { node, message: decoded.message });
        return;
      case 'agentHeld':
        await submit('agent-held', { node, message: decoded.message });
        return;
      case 'taskReport':
        await submit('task-report', { node, message: decoded.message });
        return;
      case 'taskChunk':
        following.chunk(decoded.params.task as string, node, decoded.message, view);
        return;
      case 'memoryUp':
        await this.#takeMemory({ node, agent: decoded.params.agent as string, message: decoded.message });
        return;
      case 'reply':
        await commands.replied(node, decoded.message);
        return;
      case 'modelAnswers':
        for (const answer of decoded.message.answers) await requests.answered(node, answer);
        return;
      case 'ask':
        await asks.take(decoded.params.agent as string, decoded.message, by, request);
        return;
      default:
        // The coordinator's own messages, or an agent's `out` for Home Assistant, are not inputs.
        return;
    }
  }

  async #takeMemory(input: Inputs['memory-up']): Promise<void> {
    const outcome = await this.#parts.submit('memory-up', input);
    if (outcome.ok && outcome.value.follows) await this.offerBranch(input.agent);
  }

  /** What the node still has to erase, one erasure of each log: a message may be lost. `restMs`: not, where it was told so recently. */
  async #tellErasures(node: string, restMs = 0): Promise<void> {
    const { view, submit, clock } = this.#parts;
    if (!view.erasuresOwed.has(node)) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - (this.#erasuresToldMs.get(node) ?? Number.NEGATIVE_INFINITY) < restMs) return;
    this.#erasuresToldMs.set(node, nowMs);
    for (const { agent, number } of firstOwed(view, node)) await submit('memory-erase-again', { node, agent, number });
  }

  /** The writer does not ask for a branch that was closed, or of which something was erased. When the offer fails (at a stop, or without the store), the next hello repeats it. */
  offerCutBranches(events: readonly FleetEvent[]): void {
    for (const { type, agent } of events)
      if ((type === 'memory-branch-cut' || type === 'memory-erased') && agent !== null)
        this.offerBranch(agent).catch(() => {});
  }

  /** Offers a branch of this agent to its present writer, as far as the branch is stored. */
  async offerBranch(agent: string): Promise<void> {
    const offer = offerOf(this.#parts.view, agent);
    if (offer) await this.#takeMemory(offer);
  }
}
