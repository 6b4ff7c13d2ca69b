// Faults of a request that its schema cannot find: times that never occur, zones and classes that do not exist. Such a request is refused
// at the API, by the field's name, before anything is stored.
import {
  type AgentSpec,
  type Budget,
  classNames,
  type Fault,
  mayWake,
  nearNames,
  triggersOf,
  wakingEvents,
} from '@blackroad/protocol';
import { cronFault, timeZoneFault } from '@blackroad/protocol/cron';
import type { View } from '../state/view.ts';
import { boardFaults } from './board-faults.ts';

/** `timeZone`: of the fleet. */
export function specFaults(view: View, spec: AgentSpec, nowMs: number, timeZone: string): Fault[] {
  const faults: Fault[] = [];
  for (const { at, trigger } of triggersOf(spec.triggers, 'cron')) {
    const zone = trigger.timeZone === undefined ? null : timeZoneFault(trigger.timeZone);
    if (zone) faults.push({ field: `triggers.${at}.timeZone`, ...zone });
    const cron = cronFault(trigger.cron, nowMs, zone ? timeZone : (trigger.timeZone ?? timeZone));
    if (cron) faults.push({ field: `triggers.${at}.cron`, ...cron });
  }
  for (const { at, trigger } of triggersOf(spec.triggers, 'event')) {
    if (mayWake(trigger.event)) continue;
    const near = nearNames(trigger.event, wakingEvents);
    const hint = near.length > 0 ? ` (did you mean ${near.join(' or ')}?)` : '';
    const expected = `an event that may wake an agent${hint}; docs/webhooks.md lists them`;
    faults.push({ field: `triggers.${at}.event`, expected, got: JSON.stringify(trigger.event) });
  }
  for (const [i, name] of spec.placement.class.entries())
    faults.push(...classFaults(view, name, `placement.class.${i}`));
  faults.push(...budgetFaults(spec.budget), ...scopeFaults(spec.memory), ...boardFaults(view, spec));
  return faults;
}

function scopeFaults({ scope = 'own', team }: AgentSpec['memory']): Fault[] {
  if (scope === 'team' && team === undefined)
    return [{ field: 'memory.team', expected: 'the name of the team, as memory.scope is team', got: 'nothing' }];
  if (scope !== 'team' && team !== undefined)
    return [{ field: 'memory.scope', expected: 'team, as memory.team names one', got: JSON.stringify(scope) }];
  return [];
}

/** A budget without a limit would say nothing. */
export function budgetFaults(budget: Budget | null | undefined): Fault[] {
  if (!budget || budget.tokens !== undefined || budget.usd !== undefined) return [];
  return [{ field: 'budget', expected: 'tokens, usd, or both', got: JSON.stringify(budget) }];
}

/** Classes that exist: those of the table, and those that nodes and join tokens of this fleet have. */
export function classFaults(view: View, name: string, field: string): Fault[] {
  if (classNames.includes(name)) return [];
  const known = new Set(classNames);
  for (const row of view.nodes.values()) known.add(row.class);
  for (const token of view.tokens.values()) if (token.class !== null) known.add(token.class);
  if (known.has(name)) return [];
  const near = nearNames(name, known);
  const hint = near.length > 0 ? ` (did you mean ${near.join(' or ')}?)` : '';
  return [{ field, expected: `${listed([...known])}${hint}`, got: JSON.stringify(name) }];
}
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
