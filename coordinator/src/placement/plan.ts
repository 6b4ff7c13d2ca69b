// The placement decisions of the one road: place what needs a node, and let frozen moves happen when a person says so.
// What moves is decided in moves.ts; what a move changes and who is told of it, in fleet/assignment.ts.
import { moveAgents } from '../fleet/assignment.ts';
import { accept, type Decide } from '../input.ts';
import { movesOf } from './moves.ts';

export const plan: Decide<'plan'> = (view, _input, nowMs, policy) => {
  const { words, moves } = movesOf(view, nowMs, policy);
  if (moves.length === 0) return accept(words);
  const { changes, messages } = moveAgents(view, nowMs, moves);
  return accept([...words, ...changes], messages);
};

/** A person says that the frozen moves are right: they happen now, in the same decision. */
export const releaseMoves: Decide<'moves-release'> = (view, { by }, nowMs, policy) => {
  if (!view.frozen) return accept();
  const text = `moves released by ${by}; frozen because: ${view.frozen.reason}`;
  const thawed = plan({ ...view, frozen: null }, {}, nowMs, policy);
  return accept(
    [
      { type: 'frozen', frozen: null },
      { type: 'audit', row: { atMs: nowMs, actor: by, action: 'moves-release', subject: 'fleet', text } },
      { type: 'event', row: { atMs: nowMs, node: null, agent: null, type: 'moves-released', severity: 'info', text } },
      ...thawed.changes,
    ],
    thawed.messages,
  );
};
