// The states of this node's agents, each sent when it differs from what was sent last. In: the running agents, at every look. Out:
// perishable messages, at most as many at a time as the transport does not drop; the next look sends the rest.
import { type AgentObserved, idOf } from '@blackroad/protocol';
import type { RunningAgent } from '../agents/agent.ts';
import type { Transport } from '../transport/transport.ts';

interface AgentStatesParts {
  node: string;
  boot: string;
  transport: Pick<Transport, 'connected' | 'send'>;
  /** The node stops. */
  stopped: AbortSignal;
}

/** The transport drops perishable messages beyond 200 that wait for their PUBACK. */
const statesAtOnce = 100;

export class AgentStates {
  readonly #parts: AgentStatesParts;
  readonly #sent = new Map<string, string>();

  constructor(parts: AgentStatesParts) {
    this.#parts = parts;
  }

  tell(agents: ReadonlyMap<string, RunningAgent>): void {
    // While the node stops, agents accept no tasks, but a running turn may act outside: the agent must not be placed elsewhere yet.
    if (this.#parts.stopped.aborted || !this.#parts.transport.connected) return;
    let said = 0;
    for (const [id, agent] of agents) {
      const now = `${agent.assigned.epoch} ${agent.assigned.version} ${agent.state} ${agent.reason}`;
      if (this.#sent.get(id) === now) continue;
      if (said++ >= statesAtOnce) return;
      this.#sent.set(id, now);
      this.#send(agent, agent.state);
    }
  }

  /** The agent was removed from this node. */
  removed(agent: RunningAgent): void {
    this.#sent.delete(idOf(agent.assigned));
    this.#send(agent, 'stopped');
  }

  /** A coordinator that started has no state of this node: the next look sends all of them. */
  forget(): void {
    this.#sent.clear();
  }

  #send(agent: RunningAgent, state: AgentObserved['state']): void {
    const { node, boot, transport } = this.#parts;
    const { epoch, model } = agent.assigned;
    const id = idOf(agent.assigned);
    transport.send(
      'agentState',
      { node, agent: id },
      {
        boot,
        agent: id,
        epoch,
        state,
        model,
        ...(agent.reason ? { reason: agent.reason.slice(0, 500) } : {}),
        ...(agent.code === undefined ? {} : { code: agent.code }),
        ...(agent.progress === undefined ? {} : { progress: agent.progress }),
      },
    );
  }
}
