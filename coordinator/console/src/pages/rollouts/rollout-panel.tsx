// One rollout as it goes: its waves, its gates with their figures, why it stopped, and what a person may tell it.
import type { GateView, RolloutDetails, RolloutSubject } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useRoute } from '../../data/query.ts';
import { Left, Time } from '../../fleet/time.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { duration, plural } from '../../kit/words.ts';
import { RolloutActs } from './rollout-acts.tsx';

const goingMs = 2_000;
const restingMs = 15_000;
const over = new Set(['done', 'rolled-back', 'aborted']);
const subjectsShown = 50;

export function RolloutPanel({ id }: { id: string }) {
  const rollout = useRoute(
    'rollout',
    { params: { rollout: id } },
    { refetchInterval: ({ state: { data } }) => (data && over.has(data.state) ? restingMs : goingMs) },
  );
  return <Loaded of={rollout}>{(view) => <One of={view} />}</Loaded>;
}

function One({ of: rollout }: { of: RolloutDetails }) {
  const { text, state, reason, waitsFor, soakUntilMs, gates, subjects, subjectCount, note, by, createdMs } = rollout;
  const isBad = state === 'stopped' || state === 'rolling-back' || state === 'rolled-back' || state === 'aborted';
  return (
    <div className="stack">
      <Panel
        title={
          <>
            {text} <Status of={state} />
          </>
        }
        aside={<RolloutActs of={rollout} />}
      >
        {reason !== '' && (
          <p className={isBad ? 'rollout-why bad' : 'rollout-why'} role={isBad ? 'alert' : undefined}>
            {reason}
            {waitsFor === 'soak' && soakUntilMs !== null && (
              <>
                , for <Left until={soakUntilMs} /> more
              </>
            )}
          </p>
        )}
        <WaveList of={rollout} />
        <Facts
          rows={[
            [
              'Started',
              <>
                <Time key="at" at={createdMs} /> by {by.name}
              </>,
            ],
            note !== '' && ['Note', note],
            ['Watched', `each wave for ${duration(rollout.soakSeconds * 1000)}`],
            ['Under way at once', `${rollout.maxUnavailable} at most`],
            ['A red gate', rollout.onRed === 'roll-back' ? 'puts the old one back by itself' : 'stops it for a person'],
            rollout.windows.length > 0 && [
              'Only',
              rollout.windows
                .map(({ days, from, to }) => `${days ? `${days.join(', ')} ` : ''}${from} to ${to}`)
                .join('; '),
            ],
            rollout.driver === 'outside' && ['Installed by', 'something outside, which asks for each wave'],
          ]}
        />
      </Panel>
      <Panel title="Gates" bare>
        <PlainTable label="Gates" columns={gateColumns} rows={gates} rowId={({ gate }) => gate} />
      </Panel>
      <Panel title={rollout.what.kind === 'agent' ? 'Agents' : 'Nodes'} bare>
        <PlainTable
          label={rollout.what.kind === 'agent' ? 'Agents of the rollout' : 'Nodes of the rollout'}
          columns={subjectColumns(rollout)}
          rows={subjects.slice(0, subjectsShown)}
          rowId={({ name }) => name}
        />
        {subjectCount > subjectsShown && (
          <p className="rollout-more dim small">and {subjectCount - subjectsShown} more</p>
        )}
      </Panel>
    </div>
  );
}

function WaveList({ of: { what, waves, wave } }: { of: RolloutDetails }) {
  return (
    <ol className="rollout-waves" aria-label="Waves">
      {waves.map(({ size, done, told, failed, returned, away }, i) => {
        const share = (count: number) => ({ width: `${(count / Math.max(1, size)) * 100}%` });
        const said = [
          `${done} of ${size} have it`,
          ...(told > 0 ? [`${told} under way`] : []),
          ...(failed > 0 ? [`${failed} failed`] : []),
          ...(returned > 0 ? [`${returned} back on the old one`] : []),
          ...(away > 0 ? [`${away} away`] : []),
        ];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a wave is its number
          <li key={i} className={i + 1 === wave ? 'here' : ''} aria-current={i + 1 === wave ? 'step' : undefined}>
            <span className="rollout-wave">
              Wave {i + 1}{' '}
              <span className="dim small">{plural(size, what.kind === 'agent' ? 'agent' : 'machine')}</span>
            </span>
            <span className="rollout-bar" aria-hidden="true">
              <span className="done" style={share(done)} />
              <span className="told" style={share(told)} />
              <span className="failed" style={share(failed)} />
            </span>
            <span className="small">{said.join(', ')}</span>
          </li>
        );
      })}
    </ol>
  );
}

const gateColumns: PlainColumn<GateView>[] = [
  { title: 'Gate', cell: ({ gate }) => gate },
  { title: 'Verdict', cell: ({ verdict }) => <Status of={verdict} /> },
  { title: 'Figures', cell: ({ text }) => <span className="rollout-figures">{text}</span> },
];

const subjectColumns = ({ what }: RolloutDetails): PlainColumn<RolloutSubject>[] => [
  {
    title: 'Name',
    cell: ({ name }) =>
      what.kind === 'agent' ? (
        <Link to="/agents/$agent" params={{ agent: name }}>
          {name}
        </Link>
      ) : (
        <Link to="/nodes/$node" params={{ node: name }}>
          {name}
        </Link>
      ),
  },
  { title: 'Wave', align: 'end', cell: ({ wave }) => wave },
  { title: 'State', cell: ({ state }) => <Status of={state} /> },
  { title: 'Before', cell: ({ was }) => <span className="dim">{was}</span> },
  {
    title: 'How far',
    cell: ({ step, away }) => [step, away ? 'away' : ''].filter(Boolean).join(', ') || '',
  },
  { title: 'Since', cell: ({ sinceMs }) => <Time at={sinceMs} since /> },
];
