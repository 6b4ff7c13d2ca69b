// The triggers of the agent: in words, with the next times, and a button to run each at once.
import type { AgentView, Trigger } from '@blackroad/protocol';
import { nextCronTimes } from '@blackroad/protocol/cron';
import { useNavigate } from '@tanstack/react-router';
import { AlarmClock, Play } from 'lucide-react';
import { useNow } from '../../data/clock.ts';
import { useTotals } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button, LinkButton } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty } from '../../kit/states.tsx';
import { exact } from '../../kit/words.ts';
import { cronInWords, faultInWords } from '../agents/cron.ts';
import { everything } from '../chat/everything.ts';

const shownRuns = 3;
const minuteMs = 60_000;

export default function AgentTriggers({ agent }: { agent: AgentView }) {
  const may = useMay();
  const { triggers } = agent.spec;
  const edit = may('agentApply') && (
    <LinkButton from="/agents/$agent" to="." search={{ tab: 'spec' }}>
      {triggers.length > 0 ? 'Change them' : 'Add one'}
    </LinkButton>
  );
  if (triggers.length === 0) {
    return (
      <Empty title="It wakes only when it is asked" icon={<AlarmClock />}>
        <p>A trigger asks it something at times you name, also while its node is cut off from the coordinator.</p>
        {edit}
      </Empty>
    );
  }
  return (
    <Panel title="Triggers" aside={edit} bare>
      <ul className="trigger-list">
        {triggers.map((trigger, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: triggers have no name; their place is what tells them apart
          <OneTrigger key={i} agent={agent} trigger={trigger} />
        ))}
      </ul>
      <p className="small dim trigger-note">
        The node's own clock counts, in the zone of the trigger or else of the fleet. The times here are shown in this
        browser's zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}.
      </p>
    </Panel>
  );
}

function OneTrigger({ agent, trigger: { cron, prompt, timeZone } }: { agent: AgentView; trigger: Trigger }) {
  const may = useMay();
  const navigate = useNavigate();
  const now = useNow(minuteMs);
  const fleetZone = useTotals()?.timeZone;
  const zone = timeZone ?? fleetZone;
  const fault = faultInWords(cron, now, zone);
  const runs = nextCronTimes(cron, now, shownRuns, zone);
  const ask = useAct('ask', { done: () => `${agent.name} is asked.` });
  return (
    <li>
      <div className="grow">
        <p>
          <strong className={fault === null ? undefined : 'bad'}>{fault ?? cronInWords(cron)}</strong>{' '}
          <code className="dim">{cron}</code> {zone && <span className="dim">{zone}</span>}
        </p>
        <p className="said-text">{prompt}</p>
        <ol className="small dim row wrap trigger-runs" aria-label="Next times">
          {runs.map((at, i) => (
            <li key={at}>
              {i === 0 && 'next '}
              {i === 0 ? <Time at={at} /> : exact(at).replace(/:\d\d [^ ]+$/, '')}
            </li>
          ))}
          {runs.length === 0 && <li>never again</li>}
        </ol>
      </div>
      {may('ask') && (
        <Button
          icon={<Play />}
          busy={ask.isPending}
          onClick={() =>
            ask.mutate(
              { params: { agent: agent.name }, body: { prompt } },
              {
                onSuccess: () =>
                  void navigate({ from: '/agents/$agent', to: '.', search: { conversation: everything } }),
              },
            )
          }
        >
          Ask it now
        </Button>
      )}
    </li>
  );
}
