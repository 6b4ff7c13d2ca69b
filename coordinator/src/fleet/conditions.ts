// The conditions of a node, in plain words: its health, and requests of it that the coordinator refused. In: the view. Out: the conditions
// that pages and alerts show; placement uses only the signs of health.ts. Nothing here is stored.
import { type ConditionCode, classes, cloudClass, counted, tooMany } from '@blackroad/protocol';
import type { BudgetName, NodeLive, NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { leftOf } from './budget.ts';
import { cameBackText } from './flapping.ts';
import { conditionsOf, type NodeCondition, textOf } from './health.ts';
import { refusalsTogetherMs } from './judged.ts';

const ofNoModel =
  'Agents there cannot answer. The notes of the node name a remedy; the Models tab shows the progress of a fetch, and starts one.';
const ofRefusals =
  'None of these messages was accepted. Check that the software of the node belongs to this coordinator and that no other machine has its key; when in doubt, forget the node.';

const ofEvents =
  'Its last stored events show what the node repeats. This ends by itself once the node has sent fewer events for some minutes.';

const ofRecords =
  'The node keeps the records that are not stored yet and sends them again by itself, as after days offline. A node that was not offline runs its triggers too often, or another machine has its key.';
const ofTriggers =
  'Update the node-agent there (with its tables of time zones), name another zone in the trigger, or run the agent on another node.';
/** The number of triggers that one condition names; the log of the node names all. */
const maxTriggersSaid = 3;

const ofFlapping =
  'Check its network and its power supply, and whether its process ends by itself, which its log shows. The broker admits one client only a limited number of times a minute.';

/** A heartbeat arrives within seconds. With a larger difference the machine's clock is wrong. */
const clockOffMs = 10 * 60_000;
const ofClock =
  'The node gets the time of the fleet from the coordinator, but its log and the triggers of its agents use its own clock. Set that clock, or make sure that the machine reaches a time server.';

/** The conditions of a node, worst first; empty when nothing is wrong, or before its first heartbeat. */
export function nodeConditions(view: View, id: string): NodeCondition[] {
  const row = view.nodes.get(id);
  const live = view.live.get(id);
  if (!row || !live) return [];
  const nowMs = view.tickedMs ?? view.startedMs;
  const found: NodeCondition[] = [...conditionsOf(live), ...lackOfModel(row, live)];
  const offMs = (live.health?.atMs ?? 0) - (live.lastSeenMs ?? 0);
  if (live.health && live.lastSeenMs !== null && Math.abs(offMs) > clockOffMs) {
    const off = `${spanOf(Math.abs(offMs))} ${offMs > 0 ? 'ahead of' : 'behind'} the coordinator's`;
    found.push(warning('clock-wrong', off, ofClock));
  }
  const cameBack = cameBackText(live.connects, nowMs);
  if (cameBack !== null) found.push(warning('flapping', cameBack, ofFlapping));
  const triggers = live.health?.triggerTroubles ?? [];
  if (triggers.length > 0) {
    const more = triggers.length - maxTriggersSaid;
    const said = [...triggers.slice(0, maxTriggersSaid), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
    found.push(warning('triggers', said, ofTriggers));
  }
  const { refusals } = live;
  if (refusals && nowMs - refusals.sinceMs < refusalsTogetherMs) {
    const times = refusals.count === 1 ? 'once' : `${refusals.count} times`;
    found.push(warning('refusals', `${times} within an hour; last: ${refusals.text}`, ofRefusals));
  }
  const refusedOf = (of: BudgetName) => leftOf(live.spent?.[of], view.cuts.budgets[of], nowMs).refused;
  const notKept = refusedOf('events');
  const { budgets } = view.cuts;
  if (notKept > 0)
    found.push(warning('many-events', `it ${tooMany('events', budgets.events)}; ${notKept} not kept`, ofEvents));
  if (refusedOf('records') > 0)
    found.push(
      warning('many-records', `it ${tooMany('records', budgets.records)}; the rest is stored later`, ofRecords),
    );
  return found;
}
function warning(code: ConditionCode, detail: string, help: string): NodeCondition {
  return { code, severity: 'warning', text: textOf(code, detail), help };
}

const withoutModels = new Set([...classes, cloudClass].filter(({ models }) => !models).map(({ name }) => name));
/**
 * The condition of a machine whose class runs models and that has none. Placement reads the list of models, so the node's worth is not
 * lowered for it.
 */
function lackOfModel({ info }: Pick<NodeRow, 'info'>, { capacity }: Pick<NodeLive, 'capacity'>): NodeCondition[] {
  if (!info || !capacity || withoutModels.has(info.class)) return [];
  if (capacity.models.some(({ kind }) => kind === 'chat')) return [];
  return [warning('no-model', capacity.noModel ?? 'agents cannot answer there', ofNoModel)];
}

const spans = [
  [365 * 86_400_000, 'year'],
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const;
function spanOf(ms: number): string {
  const [unitMs, unit] = spans.find(([size]) => ms >= size) ?? spans[3];
  const count = Math.floor(ms / unitMs);
  return counted(count, unit);
}
