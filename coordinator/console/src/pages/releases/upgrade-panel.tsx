// The coordinator's own version: what it can upgrade itself to and what that takes, how the last upgrade went, and the way back.
import type { UpgradePlan, UpgradeView } from '@blackroad/protocol';
import { upgradeEnds, upgradeWords } from '@blackroad/protocol/upgrade-words';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { bytes, duration, exact } from '../../kit/words.ts';

const goingMs = 1_000;
const restingMs = 5_000;
const isGoing = (view: UpgradeView | undefined) => view?.last != null && !upgradeEnds.includes(view.last.state);

export function UpgradePanel() {
  const upgrade = useRoute(
    'upgrade',
    {},
    { refetchInterval: ({ state: { data } }) => (isGoing(data) ? goingMs : restingMs) },
  );
  return (
    <Panel title="Coordinator" aside={upgrade.data && <Acts of={upgrade.data} />}>
      <Loaded of={upgrade}>{(view) => <About of={view} />}</Loaded>
    </Panel>
  );
}

function About({ of: view }: { of: UpgradeView }) {
  const { version, how, plan, last } = view;
  return (
    <Facts
      rows={[
        ['Version', version],
        how !== '' && ['Upgrade', <Commands key="h" in={how} />],
        how === '' && plan === null && ['Upgrade', 'no newer release of it is kept here'],
        last && [
          'Last upgrade',
          <span key="l">
            <Status of={last.state} /> <Time at={last.atMs} />: {upgradeWords(last)}
          </span>,
        ],
        ...(plan && !isGoing(view) ? planRows(plan, version) : []),
      ]}
    />
  );
}

/** What stands between backticks is typed. */
function Commands({ in: text }: { in: string }) {
  return text.split('`').map((part, i) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
    i % 2 === 1 ? <code key={i}>{part}</code> : part,
  );
}

function planRows(plan: UpgradePlan, own: string): [string, string][] {
  const { awaySeconds, copyBytes, neededBytes, freeBytes, soakSeconds, limitSeconds, schema } = plan;
  return [
    ['Newer here', plan.version],
    ['Away', `about ${duration(awaySeconds * 1000)} without a coordinator; nodes work on meanwhile`],
    ['Copy', `${bytes(copyBytes)} of the database for the way back, and a backup before`],
    ['Disk', `${bytes(neededBytes)} needed and the backup, ${bytes(freeBytes)} free`],
    [
      'Database',
      schema ? `schema ${schema.from} to ${schema.to}: going back later loses what came since` : 'stays as it is',
    ],
    [
      'Watched for',
      `${duration(soakSeconds * 1000)}; not well within ${duration(limitSeconds * 1000)}, ${own} runs again by itself`,
    ],
  ];
}

function Acts({ of: view }: { of: UpgradeView }) {
  const may = useMay();
  const stales: ['upgrade'] = ['upgrade'];
  const start = useAct('upgradeStart', { stales, done: () => 'The upgrade has begun.' });
  const back = useAct('upgradeBack', { stales, done: () => 'The coordinator goes back.' });
  const { version, plan, back: way, last } = view;
  if (!may('upgradeStart')) return null;
  const mayGoBack = way !== null && (!isGoing(view) || last?.state === 'soaking');
  return (
    <div className="row wrap">
      {mayGoBack && (
        <ConfirmButton
          title={`Run ${way.version} again?`}
          text={
            way.losesSinceMs === null
              ? 'The coordinator is away for some seconds. Its database stays as it is.'
              : `The database is then that of ${exact(way.losesSinceMs)}: what came since is lost, but for what nodes bring back.`
          }
          verb="Go back"
          act={() => back.run({ body: way.losesSinceMs === null ? {} : { lose: true } })}
        >
          Back to {way.version}
        </ConfirmButton>
      )}
      {plan !== null && !isGoing(view) && (
        <ConfirmButton
          look="primary"
          title={`Upgrade the coordinator from ${version} to ${plan.version}?`}
          text={`It is away for about ${duration(plan.awaySeconds * 1000)}, and goes back by itself when the new one is not well.`}
          verb="Upgrade"
          act={() => start.run({ body: { release: plan.release } })}
        >
          Upgrade to {plan.version}
        </ConfirmButton>
      )}
    </div>
  );
}
