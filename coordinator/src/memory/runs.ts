// Runs of consolidation, decided: what one found becomes orders to the writer of the log, as the parts of a document do, and is taken back by
// an entry that withdraws them. One run of an agent at a time is not written yet: the next one would find the same again. Pure. [decision 37]
import { maxRunsPerAgent } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, decided, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { type RunRow, runState } from '../state/run-rows.ts';
import { agentNameOf, spaceOf, type View } from '../state/view.ts';
import { putGiven } from './given.ts';

/** The oldest first. */
export function runsOf(view: View, agent: string): RunRow[] {
  return [...(view.runsByAgent.get(agent) ?? [])].flatMap((id) => view.runs.get(id) ?? []);
}

/** The run that keeps another one of its agent from beginning; null: none does. */
export function openRunOf(view: View, agent: string): RunRow | null {
  return runsOf(view, agent).find((row) => ['writing', 'undoing'].includes(runState(row))) ?? null;
}

export const keepRun: Decide<'memory-run'> = (view, { by, row }, nowMs) => {
  const { agent, id: run, results } = row;
  const open = openRunOf(view, agent);
  if (open)
    return refuse(
      'conflict',
      `The run ${open.id} of ${agentNameOf(view, agent)} waits for its node: it is ${runState(open)}.`,
    );
  const draft = openDraft(view, nowMs);
  const before = runsOf(view, agent);
  for (const { id } of before.slice(0, Math.max(0, before.length + 1 - maxRunsPerAgent)))
    change(draft, { type: 'memory-run-gone', id });
  const added = { ...row, space: spaceOf(view, agent, by), by: by.name, atMs: nowMs, written: 0 };
  change(draft, { type: 'memory-run', row: added });
  noteAudit(draft, by, 'memory-consolidate', { agent, run, results });
  return decided(draft);
};

export const undoRun: Decide<'memory-run-undo'> = (view, { by, id }, nowMs) => {
  const row = view.runs.get(id);
  if (!row || row.undo !== undefined)
    return refuse(
      'no-such-run',
      `There is no run ${id} that could be taken back: it was, or newer ones took its place.`,
    );
  const { agent } = row;
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'memory-run', row: { ...row, undo: 'asked' } });
  putGiven(draft, by, {
    ...{ id: `${id}w`, agent, kind: 'withdraw', tags: [], importance: 0, source: `run:${id}` },
    text: `The consolidation ${id} was taken back.`,
    document: { id, name: 'consolidation' },
  });
  noteAudit(draft, by, 'memory-consolidate-undo', { agent, run: id });
  return decided(draft);
};

/** What was erased is in it no more. */
export const replaceRunParts: Decide<'memory-run-parts'> = (view, { id, parts }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = view.runs.get(id);
  if (row) change(draft, { type: 'memory-run', row: { ...row, parts } });
  return decided(draft);
};
