// The next turn of what installs a rollout from outside: on which nodes, or that it must wait, go back or stop, and why. Pure.
import { maxRolloutNames, type RolloutTurn } from '@blackroad/protocol';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
import { standOf } from './stand.ts';
import { isHere, isTouched, subjectsOf } from './subjects.ts';

export function turnOf(view: View, rollout: RolloutRow, nowMs: number, timeZone: string): RolloutTurn {
  const subjects = subjectsOf(view, rollout.id);
  const { due, reason } = standOf({ view, rollout, subjects, nowMs, timeZone });
  const version = rollout.what.kind === 'node-agent' ? rollout.what.version : null;
  const common = { rollout: rollout.id, wave: rollout.wave + 1, reason };
  const listed = (rows: readonly RolloutSubjectRow[]) =>
    rows.slice(0, maxRolloutNames).map(({ subject, was }) => ({ node: subject, was }));
  const say = (go: RolloutTurn['go'], rows: readonly RolloutSubjectRow[] = []): RolloutTurn => {
    return { ...common, go, nodes: listed(rows), version: go === 'install' ? version : null };
  };
  switch (rollout.state) {
    case 'running':
    case 'done': {
      // Those that were begun and are not there are named again: the playbook before may have been interrupted.
      const begun = subjects.filter(({ state, report }) => state === 'told' && report === undefined);
      const next = [...begun, ...due];
      if (next.length > 0) return say('install', next);
      return say(rollout.state === 'done' ? 'done' : 'wait');
    }
    case 'paused':
      return say('wait');
    case 'rolling-back': {
      const back = subjects.filter((each) => isTouched(each) && isHere(view, rollout, each.subject));
      return back.length > 0 ? say('go-back', back) : say('stop');
    }
    default:
      return say('stop');
  }
}
