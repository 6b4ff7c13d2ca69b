// Where the files of documents lie, and whether the object store answers. Only admins see it.
import type { ObjectsView } from '@blackroad/protocol';
import { objectsMovingInWords } from '@blackroad/protocol/object-words';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { bytes } from '../../kit/words.ts';

const againMs = 5_000;

export function ObjectsPanel() {
  const may = useMay();
  return may('objects') ? <Objects /> : null;
}

function Objects() {
  const objects = useRoute('objects', {}, { refetchInterval: againMs });
  return (
    <Panel title="Files of documents">
      <Loaded of={objects}>{(view) => <Figures of={view} />}</Loaded>
    </Panel>
  );
}

const amount = ({ count, bytes: size }: { count: number; bytes: number }) => `${count}, ${bytes(size)}`;

function Figures({ of: view }: { of: ObjectsView }) {
  const { store, home, onDisk, inStore, mostBytes, trouble, faulty, unknown, keepsRemoved } = view;
  const moving = objectsMovingInWords(view);
  const isUnset = store === null && inStore.count > 0;
  return (
    <Facts
      rows={[
        ['In the data folder', amount(onDisk)],
        (store !== null || isUnset) && ['In the object store', amount(inStore)],
        store !== null && ['Object store', <code key="s">{store}</code>],
        store !== null && [
          'Answers',
          trouble ? <Status key="t" of="error" word="no" /> : <Status key="t" of="ready" word="yes" />,
        ],
        trouble && [
          'Why not',
          <span key="w">
            {trouble.text} For <Time at={trouble.sinceMs} since />.
          </span>,
        ],
        isUnset && ['Object store', <Status key="u" of="error" word="none is set" />],
        isUnset && ['Fix', 'start the coordinator with --objects'],
        moving !== '' && ['Waiting', moving],
        home === 'disk' && store !== null && ['Leaving', 'all of it comes back to the data folder'],
        faulty.count > 0 && ['Damaged or missing', <Status key="f" of="error" word={String(faulty.count)} />],
        faulty.count > 0 && ['Of these', faulty.texts.join(' ')],
        unknown.count > 0 && ['Not known here', `${amount(unknown)}: left alone`],
        keepsRemoved && ['Removed ones', <Status key="k" of="warning" word="stay in the bucket" />],
        inStore.count > 0 && ['Backups', 'have what is in the data folder; what is in the store is not in them'],
        ['Room', `${bytes(mostBytes)} in all`],
      ]}
    />
  );
}
