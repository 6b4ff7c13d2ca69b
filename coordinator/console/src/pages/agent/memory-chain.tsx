// The chain of an agent's memory: its length, its head, and on demand its verification.
import type { AgentView } from '@blackroad/protocol';
import { ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Failure } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';

export function MemoryChain({ agent }: { agent: AgentView }) {
  const { seq, hash, anchored } = agent.memory;
  const [asked, setAsked] = useState(false);
  const proof = useRoute(
    'memoryVerify',
    { params: { agent: agent.name } },
    { enabled: asked, refetchOnWindowFocus: false },
  );
  const verify = () => {
    if (asked) void proof.refetch();
    setAsked(true);
  };
  const result = proof.data;
  return (
    <Panel
      title="The chain"
      aside={
        <Button icon={<ShieldCheck />} busy={proof.isFetching} disabled={seq === 0} onClick={verify}>
          Verify the chain
        </Button>
      }
    >
      <div className="stack">
        <p>
          {plural(seq, 'entry')}
          {seq > 0 && (
            <>
              , the last is <code title={hash}>{hash.slice(0, 12)}…</code>
            </>
          )}
          {anchored &&
            `; ${anchored.seq.toLocaleString('en')} of them are under the signed checkpoint ${anchored.checkpoint}`}
        </p>
        <div role="status">
          {result && (
            <p className="row">
              <Glyph shape={result.valid ? 'tick' : 'cross'} tone={result.valid ? 'good' : 'bad'} />
              <span>
                {result.valid
                  ? `Whole: ${plural(result.entries, 'entry')} recomputed${result.redacted > 0 ? `, ${result.redacted} of them erased` : ''}, each follows the one before${result.checkpoint ? `, the first ${result.checkpoint.entries} have the root that was signed` : ''}.`
                  : `Broken at entry ${result.fault?.seq}: ${result.fault?.text}.`}{' '}
                <span className="dim small">
                  Verified <Time at={proof.dataUpdatedAt} />.
                </span>
              </span>
            </p>
          )}
        </div>
        {proof.error && !result && <Failure error={proof.error} retry={proof.refetch} />}
      </div>
    </Panel>
  );
}
