// One AI agent that runs on this node: counts its turns, reports its state, stops within a grace period. The turn itself is turn.ts; the
// deps are all that it may use. Never keeps anything that a restart would lose.
import { type AssignedAgent, counted, type NodeReason } from '@blackroad/protocol';
import { sleep } from '@blackroad/std/clock';
import type { AgentMemory } from '../memory/agent-memory.ts';
import type { ModelStand } from '../models/wanted-models.ts';
import { runTurn, type TurnChunk, type TurnDeps, type TurnEnd, type TurnTask } from './turn.ts';

export interface RunningAgent {
  /** Replaced where only what it waits for on this node changes. */
  assigned: AssignedAgent;
  readonly state: 'starting' | 'hydrating' | 'ready' | 'failed' | 'stopped';
  readonly reason: string;
  readonly code: NodeReason | undefined;
  /** 0 to 1, of the fetch or load that the agent waits for. */
  readonly progress: number | undefined;
  readonly busy: number;
  /** While true it begins no turn: it is about to leave this node. */
  leaving: boolean;
  /** Resolves when no turn runs. */
  idle(): Promise<void>;
  /** Runs one turn; `emit` receives text as it is generated and names of tools as they are called. Never throws. */
  run(task: TurnTask, emit: (chunk: TurnChunk) => void): Promise<TurnEnd>;
  /** Lets running turns end within `graceMs`, then aborts them. */
  stop(graceMs: number): Promise<void>;
}

interface AgentDeps extends TurnDeps {
  /** The state of a model here: fetched, being fetched, or why it cannot be used. */
  modelStand(model: string): ModelStand;
}

export function createAgent(assigned: AssignedAgent, deps: AgentDeps): RunningAgent {
  const halt = new AbortController();
  const turns = new Set<Promise<TurnEnd>>();
  let stopped = false;
  let leaving = false;

  function state(): Omit<ModelStand, 'state'> & Pick<RunningAgent, 'state'> {
    if (stopped) return { state: 'stopped', reason: 'stopped' };
    const { memory } = deps;
    if (memory.status.fenced)
      return { state: 'failed', reason: 'another node writes its memory now', code: 'memory-taken' };
    // It needs no model to leave.
    if (leaving) return { state: 'ready', reason: leavingReason(turns.size, memory.status), code: 'memory-leaving' };
    const stand = deps.modelStand(assigned.model);
    if (stand.state !== 'ready') return stand;
    if (!memory.hydrated) {
      const { part } = memory;
      if (part !== null) {
        const reason = `answers with ${part.have} of ${counted(part.of, 'memory', 'memories')}: the rest is being fetched`;
        return { state: 'ready', reason, code: 'memory-fetching', progress: part.have / part.of };
      }
      const { durableSeq } = memory.status;
      const { baseSeq } = assigned.memory;
      if (durableSeq >= baseSeq)
        return { state: 'hydrating', reason: 'asking the coordinator where its memory stands', code: 'memory-asking' };
      const reason = `fetching its memory: ${durableSeq} of ${baseSeq}`;
      return { state: 'hydrating', reason, code: 'memory-fetching', progress: durableSeq / baseSeq };
    }
    // It answers without them, and says so.
    return { state: 'ready', reason: deps.tools.troubles().join(' ') };
  }

  return {
    assigned,
    get state() {
      return state().state;
    },
    get reason() {
      return state().reason;
    },
    get code() {
      return state().code;
    },
    get progress() {
      return state().progress;
    },
    get busy() {
      return turns.size;
    },
    get leaving() {
      return leaving;
    },
    set leaving(is) {
      leaving = is;
    },
    async idle() {
      while (turns.size > 0) await Promise.allSettled(turns);
    },
    async run(task, emit) {
      if (leaving) {
        const text = `agent ${assigned.spec.name} is about to leave this node`;
        return { state: 'failed', problem: { code: 'agent-stopped', text, retryable: true } };
      }
      if (stopped) {
        const text = `agent ${assigned.spec.name} is stopping on this node`;
        return { state: 'failed', problem: { code: 'agent-stopped', text, retryable: true } };
      }
      const signal = AbortSignal.any([task.signal, halt.signal]);
      const turn = runTurn(assigned, deps, { ...task, signal }, emit).then((end): TurnEnd => {
        if (end.state !== 'cancelled' || task.signal.aborted) return end;
        const text = `agent ${assigned.spec.name} was stopped on this node before the turn ended`;
        return { state: 'failed', problem: { code: 'agent-stopped', text, retryable: true } };
      });
      turns.add(turn);
      try {
        return await turn;
      } finally {
        turns.delete(turn);
      }
    },
    async stop(graceMs) {
      stopped = true;
      if (turns.size > 0) await Promise.race([Promise.allSettled(turns), sleep(deps.clock, graceMs)]);
      halt.abort(new Error('the agent was stopped'));
      await Promise.allSettled(turns);
    },
  };
}

function leavingReason(turns: number, { durableSeq, ackedSeq }: AgentMemory['status']): string {
  const unacked = Math.max(0, durableSeq - ackedSeq);
  if (turns > 0) return `waits for the end of ${counted(turns, 'turn')}`;
  return unacked > 0 ? `waits for ${counted(unacked, 'entry', 'entries')}` : 'all of its memory is brought';
}
