// The fleet in figures: the first page that a person opens shows them.
import { type Static, Type } from './typebox.ts';

export const FleetTotals = Type.Object({
  name: Type.String(),
  version: Type.String(),
  timeZone: Type.String({ description: 'In it triggers are meant that name none.' }),
  startedMs: Type.Number(),
  nowMs: Type.Number(),
  nodes: Type.Object({
    online: Type.Integer(),
    suspect: Type.Integer(),
    lost: Type.Integer(),
    never: Type.Integer(),
    quarantined: Type.Integer(),
  }),
  agents: Type.Object({
    ready: Type.Integer(),
    starting: Type.Integer(),
    unplaced: Type.Integer(),
    failed: Type.Integer(),
    waiting: Type.Integer({
      description: 'Their node is away, and their policy or a freeze of moves keeps them there.',
    }),
  }),
  tasks: Type.Object({
    queued: Type.Integer(),
    running: Type.Integer(),
    deadLetters: Type.Integer(),
    endedLastMinute: Type.Integer(),
  }),
  memories: Type.Integer(),
  strategy: Type.OneOf(['spread', 'pack'], {
    description: 'How placement fills nodes: spread over those that suit, or few of them so that others stay free.',
  }),
  moves: Type.Object(
    {
      frozen: Type.Boolean(),
      reason: Type.String({ description: 'Of the widest freeze, in words.' }),
      where: Type.Array(
        Type.Object({ site: Type.Nullable(Type.String()), sinceMs: Type.Number(), reason: Type.String() }),
        { description: 'Frozen sites; null is the whole fleet.' },
      ),
      waiting: Type.Integer({ description: 'Agents that would have moved by now.' }),
    },
    { description: 'Agents of lost and draining nodes stay where they are while their site or the fleet is frozen.' },
  ),
});
export type FleetTotals = Static<typeof FleetTotals>;
