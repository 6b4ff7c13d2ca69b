// [INV-commit-first] Every message of the coordinator is compared with the content of the store at that moment.
import { idOf } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';

export const commitFirst: MakeChecker = ({ stored, broke }) => {
  const ended = new Set<string>();
  const branchUpto = new Map<string, number>();
  /** Nodes that were removed in the batch of a message to them, or before. */
  const forgotten = new Set<string>();
  const hasGeneration = (node: string, generation: number) => {
    const row = stored.nodes.get(node);
    return row ? row.generation >= generation : forgotten.has(node);
  };
  const claim = (holds: boolean, text: string) => {
    checker.exercised++;
    if (!holds) broke(checker.name, text);
  };
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-commit-first',
    exercised: 0,
    committing(change) {
      if (change.type === 'task-end') ended.add(change.row.id);
      if (change.type === 'node-gone') forgotten.add(change.id);
      if (change.type === 'branch')
        branchUpto.set(change.row.agent, Math.max(branchUpto.get(change.row.agent) ?? 0, change.row.uptoSeq));
    },
    told({ name, params, message }) {
      const node = params.node as string;
      switch (name) {
        case 'assign': {
          const row = stored.nodes.get(node);
          claim(
            hasGeneration(node, message.to),
            `${node} is told of generation ${message.to}, stored is ${row?.generation}`,
          );
          for (const assigned of message.put) {
            const { epoch } = assigned;
            const id = idOf(assigned);
            const agent = stored.agents.get(id);
            // The agent was removed, unplaced or moved again in the same batch: a later message to the node says so.
            if (!agent) continue;
            const { placement } = agent;
            const isOver = placement ? agent.epoch > epoch : agent.epoch >= epoch;
            const here = placement?.epoch === epoch ? placement.node === node : isOver;
            claim(
              here,
              `${node} is told to run ${id} under ${epoch}, stored is ${agent.epoch} on ${agent.placement?.node}`,
            );
          }
          return;
        }
        case 'snapshot': {
          const row = stored.nodes.get(node);
          claim(
            hasGeneration(node, message.generation),
            `${node} gets a snapshot of ${message.generation}, stored is ${row?.generation}`,
          );
          return;
        }
        case 'task': {
          const task = stored.tasks.get(message.task);
          claim(
            (task !== undefined && task.attempt >= message.attempt) || ended.has(message.task),
            `${node} is leased ${message.task} attempt ${message.attempt}, which is not stored`,
          );
          return;
        }
        case 'cancel':
          claim(
            stored.tasks.has(message.task) || ended.has(message.task),
            `${node} is told to stop ${message.task}, which nobody leased`,
          );
          return;
        case 'settled':
          for (const { task: id, attempt } of message.tasks) {
            const task = stored.tasks.get(id);
            const works = task && task.state !== 'queued' && task.node === node && task.attempt === attempt;
            claim(!works, `${node} is told that ${id} is settled, stored it is ${task?.state}`);
          }
          return;
        case 'answer':
          if (message.task !== null)
            claim(ended.has(message.task), `an answer to ${message.task}, which has not ended`);
          return;
        case 'memoryDown': {
          const head = stored.heads.get(message.agent)?.seq ?? 0;
          if (message.type === 'ack')
            claim(message.upto <= head, `${message.agent}: acknowledged up to ${message.upto}, stored up to ${head}`);
          if (message.type === 'branch-ack') {
            const upto = Math.max(head, branchUpto.get(message.agent) ?? 0);
            claim(
              message.upto <= upto,
              `${message.agent}: a branch acknowledged up to ${message.upto}, stored up to ${upto}`,
            );
          }
          return;
        }
        case 'farewell': {
          const row = stored.nodes.get(node);
          // The node was removed and enrolled again in one batch, or quarantined and released in one: the farewell is for its previous
          // state.
          const isFresh = row?.presence === 'never' || row?.presenceCause === 'quarantined';
          claim(row?.status !== 'active' || isFresh, `${node} is sent away and is active in the store`);
          return;
        }
        default:
      }
    },
  };
  return checker;
};
