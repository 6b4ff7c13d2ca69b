// The spec as it would be placed: with the changes that placement advises, as far as their values are known. Pure.
import type { AgentSpec, FixOf, FixSteps } from '@blackroad/protocol';

type Edit = FixOf<'edit-agent'>;
type Fields = Record<string, unknown>;

/** Of each step the first way that is such a change; null: none is. */
export function editedSpec(spec: AgentSpec, steps: FixSteps): AgentSpec | null {
  const edits = steps.flatMap(
    (ways) => ways.find((fix): fix is Edit => fix.verb === 'edit-agent' && isKnown(fix)) ?? [],
  );
  return edits.length === 0 ? null : edits.reduce(withEdit, { ...spec });
}
/** What is too high or has to be another has no value yet: a person chooses it. */
const isKnown = ({ change }: Edit) => change === 'add' || change === 'remove' || change === 'set';

function withEdit(spec: AgentSpec, { field, change, values }: Edit): AgentSpec {
  // `placement.class`: a field of the spec, or of one of its parts.
  const [part = '', inner] = field.split('.');
  const [fields, last] =
    inner === undefined ? [spec as Fields, part] : [{ ...((spec as Fields)[part] as Fields) }, inner];
  const before = fields[last];
  if (change === 'set') fields[last] = Array.isArray(before) ? values : values[0];
  else if (Array.isArray(before))
    fields[last] = change === 'add' ? [...before, ...values] : before.filter((each) => !values.includes(each));
  else fields[last] = Object.fromEntries(Object.entries(before ?? {}).filter(([key]) => !values.includes(key)));
  return inner === undefined ? spec : { ...spec, [part]: fields };
}
