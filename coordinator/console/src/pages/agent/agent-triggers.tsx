// The triggers of the agent: in words, those of time with the next times, and a button to run each at once.
import type { AgentView, TimeTrigger, Trigger, TriggerView } from '@blackroad/protocol';
import { nextCronTimes } from '@blackroad/protocol/cron';
import { isPinTrigger, isTimeTrigger } from '@blackroad/protocol/trigger-kinds';
import { triggerWords } from '@blackroad/protocol/trigger-words';
import { useNavigate } from '@tanstack/react-router';
import { AlarmClock, Play } from 'lucide-react';
import { useNow } from '../../data/clock.ts';
import { useTotals } from '../../data/live.ts';
import { useAct, useRoute } from '../../data/query.ts';
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
const againMs = 5_000;

export default function AgentTriggers({ agent }: { agent: AgentView }) {
  const may = useMay();
  const { triggers } = agent.spec;
  const isRunHere = triggers.some((trigger) => !isTimeTrigger(trigger) && !isPinTrigger(trigger));
  const params = { agent: agent.name };
  const stands = useRoute('agentTriggers', { params }, { enabled: isRunHere, refetchInterval: againMs }).data;
  const edit = may('agentApply') && (
    <LinkButton from="/agents/$agent" to="." search={{ tab: 'spec' }}>
      {triggers.length > 0 ? 'Change them' : 'Add one'}
    </LinkButton>
  );
  if (triggers.length === 0) {
    return (
      <Empty title="It wakes only when it is asked" icon={<AlarmClock />}>
        <p>
          A trigger asks it something: at times you name, on an MQTT message, when a webhook is called, on an event of
          the fleet, or when a pin of its node changes.
        </p>
        {edit}
      </Empty>
    );
  }
  return (
    <Panel title="Triggers" aside={edit} bare>
      <ul className="trigger-list">
        {triggers.map((trigger, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: triggers have no name; their place is what tells them apart
          <OneTrigger key={i} agent={agent} trigger={trigger} stand={stands?.find(({ at }) => at === i)} />
        ))}
      </ul>
      {triggers.some(isTimeTrigger) && (
        <p className="small dim trigger-note">
          The node's own clock counts, in the zone of the trigger or else of the fleet. The times here are shown in this
          browser's zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}.
        </p>
      )}
    </Panel>
  );
}

function OneTrigger({ agent, trigger, stand }: { agent: AgentView; trigger: Trigger; stand: TriggerView | undefined }) {
  const may = useMay();
  const navigate = useNavigate();
  const ask = useAct('ask', { done: () => `${agent.name} is asked.` });
  const { prompt } = trigger;
  return (
    <li>
      <div className="grow">
        {isTimeTrigger(trigger) ? <Times trigger={trigger} /> : <strong>{triggerWords(trigger)}</strong>}
        <p className="said-text">{prompt}</p>
        {stand && <Stand of={stand} />}
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

function Stand({ of: { fired, rested, refused, lastMs, problem } }: { of: TriggerView }) {
  return (
    <p className="small dim">
      {`asked it ${fired} times since the coordinator started`}
      {rested > 0 && `, ${rested} came while it rested`}
      {refused > 0 && `, ${refused} could not be asked`}
      {lastMs !== null && (
        <>
          ; last <Time at={lastMs} />
        </>
      )}
      {problem !== null && <span className="bad"> {problem}</span>}
    </p>
  );
}

function Times({ trigger: { cron, timeZone } }: { trigger: TimeTrigger }) {
  const now = useNow(minuteMs);
  const fleetZone = useTotals()?.timeZone;
  const zone = timeZone ?? fleetZone;
  const fault = faultInWords(cron, now, zone);
  const runs = nextCronTimes(cron, now, shownRuns, zone);
  return (
    <>
      <p>
        <strong className={fault === null ? undefined : 'bad'}>{fault ?? cronInWords(cron)}</strong>{' '}
        <code className="dim">{cron}</code> {zone && <span className="dim">{zone}</span>}
      </p>
      <ol className="small dim row wrap trigger-runs" aria-label="Next times">
        {runs.map((at, i) => (
          <li key={at}>
            {i === 0 && 'next '}
            {i === 0 ? <Time at={at} /> : exact(at).replace(/:\d\d [^ ]+$/, '')}
          </li>
        ))}
        {runs.length === 0 && <li>never again</li>}
      </ol>
    </>
  );
}
