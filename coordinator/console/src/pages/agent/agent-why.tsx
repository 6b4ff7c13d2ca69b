// The reason for the agent's place: the sentence first, then the scores of its node beside the next ones, then the other nodes that would
// take it. For an agent without a node: the fixes and their buttons.
import type { AgentView, PlacementExplained } from '@blackroad/protocol';
import { useQueryClient } from '@tanstack/react-query';
import { RefreshCw } from 'lucide-react';
import { useEffect } from 'react';
import { useRoute } from '../../data/query.ts';
import { Fixes } from '../../fleet/fixes.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Glyph } from '../../kit/status.tsx';
import { PinButton, UnpinNote } from './agent-pin.tsx';
import { candidates } from './why.ts';
import { WhyClasses } from './why-classes.tsx';
import { WhyScores } from './why-scores.tsx';

export default function AgentWhy({ agent }: { agent: AgentView }) {
  const params = { agent: agent.name };
  const explained = useRoute('agentExplain', { params });
  const client = useQueryClient();
  // Placed elsewhere or under other rules it has another answer.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are what the answer rests on
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ['agentExplain', params] });
  }, [agent.node, agent.epoch, agent.version, agent.state]);
  return (
    <Loaded of={explained} lines={8}>
      {(answer) => (
        <div className="page-stack">
          <Sentence
            agent={agent}
            answer={answer}
            atMs={explained.dataUpdatedAt}
            again={explained.refetch}
            busy={explained.isFetching}
          />
          {candidates(answer).length > 0 && (
            <Panel title={answer.here ? `${answer.here.node} beside the next best` : 'Nodes that would take it'} bare>
              <WhyScores nodes={candidates(answer)} pin={(node) => <PinButton agent={agent} node={node} />} />
            </Panel>
          )}
          <Panel title="Who would take it, and who not">
            <WhyClasses classes={answer.classes} />
          </Panel>
        </div>
      )}
    </Loaded>
  );
}

function Sentence({
  agent,
  answer,
  atMs,
  again,
  busy,
}: {
  agent: AgentView;
  answer: PlacementExplained;
  atMs: number;
  again: () => unknown;
  busy: boolean;
}) {
  const { text, pending, unplaced, placedMs } = answer;
  return (
    <Panel
      className="why-sentence"
      title="In a sentence"
      aside={
        <>
          <span className="dim small">
            as of <Time at={atMs} />
          </span>
          <Button look="quiet" icon={<RefreshCw />} busy={busy} onClick={() => again()}>
            Ask again
          </Button>
        </>
      }
    >
      <div className="stack">
        <p className="why-text">{text}</p>
        {placedMs !== null && (
          <p className="dim small">
            Placed <Time at={placedMs} />; the figures below are of the fleet as it stands now.
          </p>
        )}
        {pending !== null && (
          <p className="row">
            <Glyph shape="bang" tone="warn" />
            <span>{pending}.</span>
          </p>
        )}
        {unplaced !== null && (
          <>
            {/* Of an agent that is nowhere it is the end of the sentence. */}
            {answer.node !== null && <p>{unplaced.text}</p>}
            <Fixes steps={unplaced.fix} agent={agent.name} />
          </>
        )}
        <UnpinNote agent={agent} />
      </div>
    </Panel>
  );
}
