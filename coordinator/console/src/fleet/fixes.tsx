// The fixes of an agent without a node: in words, with buttons for the steps that can be done from here.
import type { FixSteps } from '@blackroad/protocol';
import { actsOf } from '@blackroad/protocol/fix-acts';
import { fixInWords } from '@blackroad/protocol/fix-words';
import { ActButton } from './act-button.tsx';

export function Fixes({ steps, agent, lead = 'To fix it:' }: { steps: FixSteps; agent: string; lead?: string }) {
  if (steps.length === 0) return null;
  const acts = actsOf(steps, agent);
  return (
    <>
      <p>
        <strong>{lead}</strong> {fixInWords(steps)}.
      </p>
      {acts.length > 0 && (
        <div className="row wrap">
          {acts.map((action) => (
            <ActButton key={action.verb + (action.node ?? '')} action={action} />
          ))}
        </div>
      )}
    </>
  );
}
