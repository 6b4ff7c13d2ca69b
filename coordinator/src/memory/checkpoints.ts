// Signed checkpoints: stored when they are made, and told to the nodes that write the logs; and a log that does not verify any more. Pure.
import { refuse } from '../state/decision.ts';
import { change, decided, noteEvent, openDraft, remark, send } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const keepCheckpoint: Decide<'memory-checkpoint'> = (view, { row, logs }, nowMs) => {
  const number = (view.checkpoint?.number ?? 0) + 1;
  // Two of one number would be what nodes tell as a contradiction.
  if (row.number !== number) return refuse('conflict', `The next checkpoint is ${number}, not ${row.number}.`);
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'checkpoint', row, logs });
  return decided(draft);
};

export const tellAnchors: Decide<'memory-anchors'> = (view, { checkpoint, logs }, nowMs) => {
  const draft = openDraft(view, nowMs);
  for (const { log, path } of logs) {
    const { agent } = log;
    const placement = draft.agents.get(agent)?.placement;
    if (!placement) continue;
    const { node, epoch } = placement;
    send(draft, 'memoryDown', { node }, { type: 'anchor', agent, epoch, log, path, checkpoint });
  }
  return decided(draft);
};

export const noteDamage: Decide<'memory-damage'> = (view, { agent, seq, text }, nowMs) => {
  const draft = openDraft(view, nowMs);
  remark(draft, 'memory-damaged', `${agent}, entry ${seq}: ${text}`);
  noteEvent(draft, 'memory-damaged', { agent, seq, problem: text });
  return decided(draft);
};
