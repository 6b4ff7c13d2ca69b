// What waits for an update of a node's operating system, in words, the same in the terminal, the console and the plan of a rollout. Pure. No
// validator is imported, so that a browser need not load one.
import type { OsUpdates } from './os-update.ts';
import { counted } from './quantity-words.ts';

type Pending = Pick<OsUpdates, 'security' | 'others' | 'restart'>;

/** `3 security updates and 12 others wait, restart needed`. */
export function osUpdatesInWords(pending: Pending): string {
  const waiting = waitingInWords(pending);
  return pending.restart ? `${waiting}, restart needed` : waiting;
}
/** What a person should know among other things: security updates that wait, and a restart that is needed; empty: neither. */
export function osUrgentInWords({ security = 0, restart }: Pending): string {
  const waiting = security > 0 ? waitingInWords({ security, others: 0, restart }) : '';
  return [waiting, restart ? 'restart needed' : ''].filter(Boolean).join(', ');
}
function waitingInWords({ security, others = 0 }: Pending): string {
  if (security === undefined) return 'updates not looked for yet';
  if (security + others === 0) return 'up to date';
  const verb = security + others === 1 ? 'waits' : 'wait';
  if (security === 0) return `${counted(others, 'update')} ${verb}`;
  const named = counted(security, 'security update');
  return others === 0 ? `${named} ${verb}` : `${named} and ${counted(others, 'other')} ${verb}`;
}
