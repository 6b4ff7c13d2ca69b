// The fix that changes the agent's own spec.
import type { FixOf } from '@blackroad/protocol';

type EditAgent = FixOf<'edit-agent'>;
export function editAgent(
  field: EditAgent['field'],
  change: EditAgent['change'],
  values: EditAgent['values'],
): EditAgent {
  return { verb: 'edit-agent', field, change, values };
}
