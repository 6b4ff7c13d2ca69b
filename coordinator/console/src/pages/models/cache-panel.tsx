// The model cache of the coordinator: what it holds, who reads it, and how much of the line to the internet it has spared.
import type { CachedName, ModelCacheView } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { bytes } from '../../kit/words.ts';

const againMs = 5_000;
const readersShown = 3;

export function CachePanel() {
  const cache = useRoute('modelCache', {}, { refetchInterval: againMs });
  return (
    <Panel title="The cache of the LAN" bare>
      <Loaded of={cache}>{(view) => <Cache of={view} />}</Loaded>
    </Panel>
  );
}

function Cache({ of: view }: { of: ModelCacheView }) {
  if (!view.on)
    return (
      <p className="models-fetches dim">
        It is switched off: every node fetches its models from the internet. <code>--cache on</code> switches it on.
      </p>
    );
  return (
    <>
      <div className="models-fetches">
        <Facts
          rows={[
            view.problem !== null && ['State', <Status key="state" of="error" word={view.problem} />],
            ['Holds', `${bytes(view.heldBytes)} of ${bytes(view.maxBytes)}`],
            ['Given to nodes', bytes(view.servedBytes)],
            ['Fetched for it', bytes(view.fetchedBytes)],
            ['Saved', bytes(view.savedBytes)],
            view.openPort !== null && ['Open to everybody', `port ${view.openPort}, plain HTTP`],
          ]}
        />
      </div>
      <PlainTable
        label="Models and files in the cache"
        columns={columns}
        rows={view.names}
        rowId={({ name }) => name}
        none="Nothing yet: the next model that a node fetches stays here for the others."
      />
    </>
  );
}

const columns: PlainColumn<CachedName>[] = [
  { title: 'Name', className: 'cache-name', cell: ({ name }) => <Name of={name} /> },
  { title: 'Size', align: 'end', cell: (row) => bytes(row.bytes) },
  { title: 'Here', cell: (row) => <Here of={row} /> },
  { title: 'Last used', cell: ({ usedMs }) => <Time at={usedMs} /> },
  { title: 'Read by', cell: ({ readers }) => readersWords(readers) },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (row) => <Remove of={row} /> },
];

/** A file of the hub is known by its name; its repository and revision are long. */
function Name({ of: name }: { of: string }) {
  const [, repository, file] = /^hub:([^@]+)@[^/]+\/(.+)$/.exec(name) ?? [];
  if (repository === undefined) return <code>{name}</code>;
  return (
    <>
      <code title={name}>{file}</code>
      <span className="small dim">{repository}</span>
    </>
  );
}

function Here({ of: { bytes: all, heldBytes, fetching } }: { of: CachedName }) {
  const share = `${all === 0 ? 100 : Math.floor((heldBytes / all) * 100)} %`;
  if (fetching) return <Status of="starting" word={`fetching, ${share}`} />;
  return heldBytes < all ? <span className="dim">{share} of it</span> : <Status of="fine" word="whole" />;
}

function readersWords(readers: readonly string[]): string {
  const more = readers.length - readersShown;
  const first = readers.slice(0, readersShown).join(', ');
  return more > 0 ? `${first} and ${more} more` : first;
}

function Remove({ of: { name, fetching, readers } }: { of: CachedName }) {
  const may = useMay();
  const remove = useAct('modelCacheRemove', {
    done: ({ bytes: freed }) => `${name} is removed from the cache: ${bytes(freed)} freed.`,
    stales: ['modelCache'],
  });
  if (!may('modelCacheRemove') || fetching || readers.length > 0) return null;
  return (
    <ConfirmButton
      look="quiet"
      aria-label={`Remove ${name} from the cache`}
      title={`Remove ${name} from the cache?`}
      text="Nodes keep theirs. The next node that wants it fetches it from the internet again."
      verb="Remove it"
      act={() => remove.run({ body: { name } })}
    >
      Remove
    </ConfirmButton>
  );
}
