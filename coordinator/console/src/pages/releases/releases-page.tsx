// The releases that the coordinator keeps: for nodes, which rollouts bring them to, and for itself.
import type { Release, ReleaseList } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { LinkButton } from '../../kit/button.tsx';
import { Facts, PageHead, Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { bytes, plural } from '../../kit/words.ts';
import { AddRelease } from './add-release.tsx';
import { ImagesPanel } from './images-panel.tsx';
import { UpgradePanel } from './upgrade-panel.tsx';

const againMs = 5_000;
/** All nodes in one answer. */
const nodesAgainMs = 30_000;
const namesShown = 3;
const products: Record<Release['name'], string> = {
  'blackroad-node': 'node-agent',
  'blackroad-coordinator': 'coordinator',
};
const nameOf = ({ name, version, arch }: Release) => `${products[name]} ${version} for ${arch}`;

export default function ReleasesPage() {
  const may = useMay();
  const list = useRoute('releases', {}, { refetchInterval: againMs });
  return (
    <>
      <PageHead
        title="Releases"
        text="Signed versions of the node-agent and the coordinator. Machines fetch them from here, and take none that no trusted key signed."
        actions={may('releaseAdd') && <AddRelease />}
      />
      <div className="stack">
        <UpgradePanel />
        <Loaded of={list}>{(releases) => <Kept of={releases} />}</Loaded>
        <ImagesPanel />
      </div>
    </>
  );
}

function Kept({ of: { releases, keys, keysFolder, heldBytes, maxBytes, refused = [] } }: { of: ReleaseList }) {
  return (
    <>
      <Panel title="Kept here" bare>
        <PlainTable
          label="Releases"
          columns={columns}
          rows={releases}
          rowId={({ sha256 }) => sha256}
          none={
            keys.length === 0
              ? 'None yet, and no key for releases is trusted yet.'
              : 'None yet. make dist with a key builds some.'
          }
        />
      </Panel>
      <Panel title="Trust">
        <Facts
          rows={[
            [
              'Trusted keys',
              keys.length === 0 ? 'none: nothing is taken' : keys.map(({ id, file }) => `${id} (${file})`).join(', '),
            ],
            ['Their folder', <code key="f">{keysFolder}</code>],
            [
              'Refused',
              refused.length === 0
                ? 'nothing since the coordinator started'
                : refused
                    .map(
                      ({ by, reason, count }) =>
                        `${count} by ${by === 'machine' ? 'machines' : 'the coordinator'} (${reason})`,
                    )
                    .join(', '),
            ],
            ['Room', `${bytes(heldBytes)} of ${bytes(maxBytes)}`],
          ]}
        />
      </Panel>
    </>
  );
}

const columns: PlainColumn<Release>[] = [
  { title: 'Product', cell: ({ name }) => products[name] },
  { title: 'Version', cell: ({ version }) => version },
  { title: 'For', cell: ({ arch }) => arch },
  { title: 'Size', align: 'end', cell: (row) => bytes(row.bytes) },
  { title: 'Signed by', cell: ({ keyId }) => <code>{keyId}</code> },
  {
    title: 'Added',
    cell: ({ addedMs, addedBy }) => (
      <>
        <Time at={addedMs} /> <span className="dim small">{addedBy}</span>
      </>
    ),
  },
  { title: 'Runs on', cell: (row) => <RunsOn of={row} /> },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (row) => <Acts of={row} /> },
];

function RunsOn({ of: { name, version } }: { of: Release }) {
  const { data: nodes = [] } = useRoute(
    'nodes',
    {},
    { refetchInterval: nodesAgainMs, enabled: name === 'blackroad-node' },
  );
  if (name !== 'blackroad-node') return null;
  const there = nodes.filter((node) => node.version === version).map(({ id }) => id);
  if (there.length === 0) return <span className="dim">no node</span>;
  const more = there.length - namesShown;
  return (
    <span title={there.slice(0, 100).join(', ')}>
      {more > 0 ? `${plural(there.length, 'node')}: ` : ''}
      {there.slice(0, namesShown).join(', ')}
      {more > 0 ? ' …' : ''}
    </span>
  );
}

function Acts({ of: release }: { of: Release }) {
  const may = useMay();
  const remove = useAct('releaseRemove', {
    done: () => `${nameOf(release)} is removed.`,
    stales: ['releases', 'upgrade'],
  });
  const { name, version, sha256 } = release;
  return (
    <>
      {name === 'blackroad-node' && may('rolloutStart') && (
        <LinkButton
          look="quiet"
          to="/rollouts"
          search={{ do: 'start', version }}
          aria-label={`Roll out ${nameOf(release)}`}
        >
          Roll out
        </LinkButton>
      )}
      {may('releaseRemove') && (
        <ConfirmButton
          look="quiet"
          aria-label={`Remove ${nameOf(release)}`}
          title={`Remove ${nameOf(release)}?`}
          text="Machines that have it keep it; no further one gets it from here."
          verb="Remove it"
          act={() => remove.run({ params: { release: sha256 } })}
        >
          Remove
        </ConfirmButton>
      )}
    </>
  );
}
