// Rollouts of the configuration of nodes: their labels, which rules of placement read. They are rows of the coordinator, so an order is
// carried out at once; what agents then do is what the gates watch.
import { coordinatorSelf, listInWords, maxLabels, type RolloutWhat } from '@blackroad/protocol';
import { edited } from '../../fleet/nodes.ts';
import type { Draft } from '../../state/draft.ts';
import type { RolloutSubjectRow } from '../../state/rollout-rows.ts';
import type { Kind } from '../kind.ts';

type Labels = Readonly<Record<string, string>>;
type Change = Extract<RolloutWhat, { kind: 'configuration' }>['labels'];

export const configurationKind: Kind<'configuration'> = {
  of: 'node',
  patienceMs: 60_000,
  words: ({ labels: { set = {}, remove = [] } }) => {
    const put = Object.entries(set).map(([name, value]) => `${name}=${value}`);
    return `labels ${listInWords([...put, ...remove.map((name) => `without ${name}`)], 'and', 6)}`;
  },
  fault: () => null,
  before(view, { what: { labels } }, node) {
    const now = view.nodes.get(node)?.labels ?? {};
    const next = changed(now, labels);
    if (isSame(now, next)) return { why: 'has it already' };
    if (Object.keys(next).length > maxLabels) return { why: `would have more than ${maxLabels} labels` };
    const names = [...Object.keys(labels.set ?? {}), ...(labels.remove ?? [])];
    const wasLabels = Object.fromEntries(names.map((name) => [name, now[name] ?? null]));
    const was = Object.entries(wasLabels).map(([name, value]) => (value === null ? `no ${name}` : `${name}=${value}`));
    return { was: listInWords(was, 'and', 6), wasLabels };
  },
  order(draft, { what: { labels } }, subject) {
    label(draft, subject, (now) => changed(now, labels));
    return subject;
  },
  stand(view, { what: { labels } }, { subject: node }) {
    const now = view.nodes.get(node)?.labels ?? {};
    return isSame(now, changed(now, labels)) ? 'there' : 'under-way';
  },
  orderBack(draft, _rollout, subject) {
    label(draft, subject, (now) => restored(now, subject));
    return subject;
  },
  isBack(view, _rollout, subject) {
    const now = view.nodes.get(subject.subject)?.labels ?? {};
    return isSame(now, restored(now, subject));
  },
};

function label(draft: Draft, { subject: node }: RolloutSubjectRow, next: (now: Labels) => Labels): void {
  const row = draft.nodes.get(node);
  if (row) edited(draft, row, { by: coordinatorSelf, labels: next(row.labels) });
}
function changed(now: Labels, { set = {}, remove = [] }: Change): Labels {
  const kept = Object.entries(now).filter(([name]) => !remove.includes(name));
  return { ...Object.fromEntries(kept), ...set };
}
function restored(now: Labels, { wasLabels = {} }: RolloutSubjectRow): Labels {
  const kept = Object.entries(now).filter(([name]) => !Object.hasOwn(wasLabels, name));
  const back = Object.entries(wasLabels).filter((each): each is [string, string] => each[1] !== null);
  return Object.fromEntries([...kept, ...back]);
}
function isSame(a: Labels, b: Labels): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
