// Asks placement for the node of a draft before it is saved; nothing is changed.
import type { WhatIfPlan } from '@blackroad/protocol';
import { fixInWords } from '@blackroad/protocol/fix-words';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { Glyph } from '../../kit/status.tsx';
import { type Draft, unchecked } from './spec-text.ts';

export function WhereWouldItGo({ draft, onFault }: { draft: Draft; onFault(error: unknown): void }) {
  const [plan, setPlan] = useState<{ of: Draft; plan: WhatIfPlan } | null>(null);
  const whatIf = useAct('whatIf');
  const ask = () => {
    const body = { add: [{ spec: unchecked(draft), count: 1 }], lose: [], drain: [] };
    whatIf.run({ body }).then((answer) => setPlan({ of: draft, plan: answer }), onFault);
  };
  return (
    <>
      <Button onClick={ask} busy={whatIf.isPending}>
        Where would it go?
      </Button>
      {plan?.of === draft && <Answer plan={plan.plan} />}
    </>
  );
}

function Answer({ plan }: { plan: WhatIfPlan }) {
  const move = plan.moves.find(({ from }) => from === null);
  if (move?.to) {
    const step = plan.models.find(({ node, model }) => node === move.to && model === move.model)?.step;
    const first = step === 'pull' ? ', which fetches it first' : step === 'load' ? ', which loads it first' : '';
    return (
      <p className="row" role="status">
        <Glyph shape="tick" tone="good" />
        <span>
          To <strong>{move.to}</strong> with {move.model}
          {first}.
        </span>
      </p>
    );
  }
  const [why] = plan.unplaced;
  return (
    <p className="row spec-answer" role="status">
      <Glyph shape="bang" tone="warn" />
      <span>
        Nowhere: {why?.text ?? 'no node takes it.'} {why && <>To fix it: {fixInWords(why.fix)}.</>}
      </span>
    </p>
  );
}
