// Backups of the coordinator: how old the last one is, making one now, fetching and removing files. Only admins see it.
import type { BackupRow, BackupsView } from '@blackroad/protocol';
import { addressOf } from '../../data/api.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Facts, Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { bytes } from '../../kit/words.ts';

const againMs = 2_000;
const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

export function BackupsPanel() {
  const may = useMay();
  return may('backups') ? <Backups /> : null;
}

function Backups() {
  const backups = useRoute('backups', {}, { refetchInterval: againMs });
  const create = useAct('backupCreate', { stales: ['backups'] });
  return (
    <Panel
      title="Backups"
      bare
      aside={
        <Button disabled={Boolean(backups.data?.underWay)} onClick={() => create.run({ body: {} })}>
          Make one now
        </Button>
      }
    >
      <Loaded of={backups}>{(view) => <List of={view} />}</Loaded>
    </Panel>
  );
}

function List({ of: view }: { of: BackupsView }) {
  const { failed, last, underWay, nextMs, schedule, keepDays, keepWeeks, recipients } = view;
  return (
    <>
      <div className="settings-facts">
        <Facts
          rows={[
            failed && ['Failed', <Status key="f" of="error" word={failed.problem} />],
            underWay && ['Under way', <Status key="u" of="starting" word={underWay.name} />],
            ['Last', last ? <Time key="l" at={last.atMs} /> : 'none yet'],
            ['Next', nextMs === null ? 'none are made by themselves' : <Time key="n" at={nextMs} />],
            schedule !== null && ['Schedule', <code key="s">{schedule}</code>],
            ['Kept', `one each of ${counted(keepDays, 'day')} and ${counted(keepWeeks, 'week')}`],
            [
              'Encrypted',
              recipients === 0
                ? 'no: the files have the keys of the fleet in them'
                : `to ${counted(recipients, 'key')} of age`,
            ],
            ['Folder', <code key="d">{view.folder}</code>],
          ]}
        />
      </div>
      <PlainTable
        label="Backups"
        columns={columns}
        rows={view.backups}
        rowId={({ name }) => name}
        none="None yet. A backup has all that the coordinator needs to be itself again."
      />
    </>
  );
}

const columns: PlainColumn<BackupRow>[] = [
  { title: 'Made', cell: ({ atMs }) => <Time at={atMs} /> },
  { title: 'Size', align: 'end', cell: (row) => bytes(row.bytes) },
  { title: 'By', cell: ({ isScheduled }) => (isScheduled ? 'the schedule' : 'a person') },
  { title: 'Encrypted', cell: ({ isEncrypted }) => (isEncrypted ? 'yes' : 'no') },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (row) => <Acts of={row} /> },
];

function Acts({ of: { name } }: { of: BackupRow }) {
  const params = { backup: name };
  const remove = useAct('backupDelete', { done: () => `${name} is removed.`, stales: ['backups'] });
  return (
    <>
      <a className="small" href={addressOf('backupContent', { params })} download={name} aria-label={`Fetch ${name}`}>
        Fetch
      </a>
      <ConfirmButton
        look="quiet"
        aria-label={`Remove ${name}`}
        title={`Remove ${name}?`}
        text="The coordinator cannot be restored from it any more."
        verb="Remove it"
        act={() => remove.run({ params })}
      >
        Remove
      </ConfirmButton>
    </>
  );
}
