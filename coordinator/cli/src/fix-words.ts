// A fix in words for the terminal: a command where one does the fix, which runs as printed; otherwise the plain words that every page
// shows.
import type { Fix, FixSteps } from '@blackroad/protocol';
import { fixInWords, plainFix } from '@blackroad/protocol/fix-words';
import { type Invocation, quoted } from './invocation.ts';

export type Calling = Pick<Invocation, 'fleet' | 'fleetNode'>;

export function fixWithCommands(steps: FixSteps, as: Calling): string {
  return steps.length === 0 ? 'that is not known yet' : fixInWords(steps, (fix) => commandOf(fix, as) ?? plainFix(fix));
}

function commandOf(fix: Fix, as: Calling): string | null {
  switch (fix.verb) {
    case 'uncordon-node':
      return as.fleet(`uncordon ${fix.node}`);
    case 'end-drain':
      return `${as.fleet(`uncordon ${fix.node}`)} (ends its drain)`;
    case 'release-node':
      return `${plainFix(fix)} (${as.fleet(`nodes release ${fix.node}`)})`;
    case 'pull-model': {
      const what = fix.isAny ? `give ${fix.node} a chat model` : 'pull it';
      return `${what} (${as.fleet(`nodes pull ${fix.node} ${fix.model === null ? '<model>' : quoted(fix.model)}`)})`;
    }
    case 'join-node': {
      if (fix.why !== 'missing') return null;
      const create = as.fleet('join-token create');
      const kind = fix.class === null ? '' : ` of class ${fix.class}`;
      const [name] = fix.names;
      const call = as.fleetNode(`join <token>${name === undefined ? '' : ` --name ${name}`}`);
      return `start one with ${call} on a machine${kind} (${create} prints the token)`;
    }
    case 'edit-agent':
      return fix.field === 'placement.nodes' ? `${plainFix(fix)} (${as.fleet('nodes')} lists what there is)` : null;
    default:
      return null;
  }
}
