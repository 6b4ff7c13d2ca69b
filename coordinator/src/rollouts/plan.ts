// The plan of a rollout: who gets it in which wave, who is left out and why, and what a person should know before. It changes nothing; a
// start makes the same plan and stores it. Pure.
import {
  counted,
  type GateName,
  gatesOf,
  listInWords,
  maxRolloutNames,
  maxRolloutSubjects,
  type Principal,
  type ProblemCode,
  type RolloutPlan,
  type RolloutRequest,
} from '@blackroad/protocol';
import type { KnownRelease, RolloutRow } from '../state/rollout-rows.ts';
import { agentIdOf, type View } from '../state/view.ts';
import type { Before } from './kind.ts';
import { kindOf, noWayBack } from './kinds.ts';
import { isLive } from './step.ts';
import { isHere, nameOf, nodeOf, subjectsOf } from './subjects.ts';
import { defaultWaves, type Member, wavesOf } from './waves.ts';

export interface Planned {
  text: string;
  waves: (Member & { before: Before })[][];
  leftOut: { name: string; why: string }[];
  maxUnavailable: number;
  soakSeconds: number;
  patienceMs: number;
  gates: readonly GateName[];
  releases: readonly KnownRelease[];
  warnings: string[];
}
type PlanOutcome = { planned: Planned } | { refused: string; code: ProblemCode };

/** So many of the subjects are under way at once, where the request does not say it. */
const unavailableShare = 0.1;

export function planRollout(view: View, by: Pick<Principal, 'space'>, request: RolloutRequest): PlanOutcome {
  const { what, waves = defaultWaves, soakSeconds = 600, patienceSeconds, driver } = request;
  const kind = kindOf(what);
  const no = (refused: string, code: ProblemCode = 'conflict'): PlanOutcome => ({ refused, code });
  if (driver === 'outside' && what.kind !== 'node-agent')
    return no('body: driver: only a node-agent is installed from outside.', 'invalid-request');
  const stays = noWayBack(what);
  if (stays !== null && request.onRed === 'roll-back')
    return no(`body: onRed: expected stop, got "roll-back". ${stays}`, 'invalid-request');
  const found = selected(view, by, request);
  if ('refused' in found) return found;
  const members: (Member & { before: Before })[] = [];
  const leftOut: Planned['leftOut'] = [];
  const live = [...view.rollouts.values()].filter((rollout) => isLive(view, rollout));
  for (const id of found.ids) {
    const name = nameOf(view, request, id);
    const why = busyWith(view, live, request, id);
    const before = why === null ? kind.before(view, request as never, id) : { why };
    if ('why' in before) leftOut.push({ name, why: before.why });
    else members.push({ ...memberOf(view, request, id), before });
  }
  const { waves: made, rest } = wavesOf(members, waves);
  leftOut.push(...rest.map(({ name }) => ({ name, why: 'is in no wave' })));
  const count = made.reduce((sum, wave) => sum + wave.length, 0);
  if (count > maxRolloutSubjects) return no(`${count} would be too many; at most ${maxRolloutSubjects}.`);
  const fault = kind.fault(view, request as never, count);
  if (fault !== null) return no(fault);
  if (count === 0) return no(`Nobody would get ${kind.words(what as never)}: ${reasons(leftOut)}.`);
  const was = new Set(made.flat().map(({ before }) => before.was));
  const planned: Planned = {
    text: kind.words(what as never),
    waves: made,
    leftOut,
    maxUnavailable: request.maxUnavailable ?? Math.max(1, Math.floor(count * unavailableShare)),
    soakSeconds,
    patienceMs: patienceSeconds === undefined ? kind.patienceMs : patienceSeconds * 1000,
    gates: gatesOf[kind.of].filter((gate) => request.gates === undefined || request.gates.includes(gate)),
    releases: kind.releases?.(view, request as never, was) ?? [],
    warnings: [],
  };
  planned.warnings.push(...warningsOf(view, request, planned));
  return { planned };
}

function memberOf(view: View, request: RolloutRequest, id: string): Member {
  const node = nodeOf(view, request, id);
  return {
    id,
    name: nameOf(view, request, id),
    group: node?.class ?? '',
    labels: node?.labels ?? {},
    away: !isHere(view, request, id),
  };
}

/** The ids that the selection means; a name that is unknown refuses the request. */
function selected(
  view: View,
  { space }: Pick<Principal, 'space'>,
  request: RolloutRequest,
): { ids: string[] } | { refused: string; code: ProblemCode } {
  const { of } = kindOf(request.what);
  const { names, class: name, site, labels = {} } = request.select ?? {};
  const idOf = (each: string) =>
    of === 'node' ? (view.nodes.has(each) ? each : undefined) : agentIdOf(view, space, each);
  const unknown = [...(names ?? []), ...(request.waves ?? []).flatMap((wave) => wave.names ?? [])].find(
    (each) => idOf(each) === undefined,
  );
  if (unknown !== undefined)
    return { refused: `There is no ${of} ${unknown}.`, code: of === 'node' ? 'no-such-node' : 'no-such-agent' };
  const all =
    of === 'node'
      ? view.nodes.keys()
      : [...view.agents.values()].filter((row) => row.space === space).map(({ id }) => id);
  const ids = (names ? [...new Set(names)].flatMap((each) => idOf(each) ?? []) : [...all]).filter((id) => {
    const node = nodeOf(view, request, id);
    if (name !== undefined && node?.class !== name) return false;
    if (site !== undefined && node?.site !== site) return false;
    return Object.entries(labels).every(([key, value]) => node?.labels[key] === value);
  });
  return { ids };
}

/** Why a rollout may not have it now; null: it may. One that only waits to follow a rollout that is done belongs to the next one. */
function busyWith(view: View, live: readonly RolloutRow[], { what }: RolloutRequest, id: string): string | null {
  const { of } = kindOf(what);
  const node = nodeOf(view, { what }, id);
  if (of === 'node' && node?.status === 'quarantined') return 'is quarantined';
  if (of === 'node' && node?.presence === 'never') return 'was never seen';
  for (const rollout of live) {
    if (kindOf(rollout.what).of !== of) continue;
    const row = view.rolloutSubjects.get(`${rollout.id}/${id}`);
    if (!row || row.state === 'left') continue;
    if (rollout.state === 'done' && row.state !== 'told') continue;
    return `is in the rollout ${rollout.id} (${rollout.text}) already`;
  }
  return null;
}
/** Rollouts that are done and wait for one of these: they give it up. */
export function waitingElsewhere(view: View, { what }: Pick<RolloutRow, 'what'>, ids: ReadonlySet<string>) {
  return [...view.rollouts.values()]
    .filter((rollout) => rollout.state === 'done' && kindOf(rollout.what).of === kindOf(what).of)
    .flatMap(({ id }) => subjectsOf(view, id))
    .filter(({ state, subject }) => state === 'waiting' && ids.has(subject));
}

function reasons(leftOut: Planned['leftOut']): string {
  if (leftOut.length === 0) return 'nothing is selected';
  const counts = new Map<string, string[]>();
  for (const { name, why } of leftOut) counts.set(why, [...(counts.get(why) ?? []), name]);
  return [...counts]
    .slice(0, 3)
    .map(([why, names]) => `${listInWords(names)} ${why}`)
    .join('; ');
}

function warningsOf(view: View, { what, onRed, approval }: RolloutRequest, planned: Planned): string[] {
  const all = planned.waves.flat();
  const away = all.filter((each) => each.away);
  const stays = noWayBack(what);
  const said: string[] = stays === null ? [] : [stays];
  if (all.length < 5)
    said.push(
      `With ${counted(all.length, kindOf(what).of)} the gates prove little: a fault that shows once in ${all.length * 10} is not seen.`,
    );
  if (planned.waves.length === 1 && all.length > 1 && (approval ?? 'none') === 'none')
    said.push(
      `There is one wave: all get it at once, and the gates can only ${stays === null ? 'bring it back' : 'stop what was not begun'}.`,
    );
  if (onRed === 'stop' && stays === null)
    said.push('A red gate stops it, and what has the change keeps it until a person says what follows.');
  if (away.length > 0)
    said.push(
      `${listInWords(away.map(({ name }) => name))} ${away.length === 1 ? 'is' : 'are'} away, and ${away.length === 1 ? 'follows' : 'follow'} later.`,
    );
  const unmeasured = all.filter(({ id }) => !(kindOf(what).of === 'node' ? view.nodeSums : view.agentSums).has(id));
  if (unmeasured.length > away.length)
    said.push(
      `Of ${listInWords(unmeasured.map(({ name }) => name))} nothing was measured yet: there is no past to compare with.`,
    );
  return said;
}

export function shownPlan(planned: Planned): RolloutPlan {
  const { text, waves, leftOut, maxUnavailable, soakSeconds, patienceMs, warnings } = planned;
  return {
    text,
    waves: waves.map((wave) => {
      const classes: Record<string, number> = {};
      for (const { group } of wave) classes[group] = (classes[group] ?? 0) + 1;
      const names = wave.slice(0, maxRolloutNames).map(({ name }) => name);
      return { size: wave.length, names, classes, away: wave.filter(({ away }) => away).length };
    }),
    leftOut: leftOut.slice(0, maxRolloutNames),
    leftOutCount: leftOut.length,
    maxUnavailable,
    soakSeconds,
    patienceSeconds: Math.round(patienceMs / 1000),
    gates: [...planned.gates],
    warnings,
  };
}
