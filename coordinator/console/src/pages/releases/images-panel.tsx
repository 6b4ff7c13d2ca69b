// The images for Raspberry Pis that the coordinator keeps.
import type { FleetImage } from '@blackroad/protocol';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { bytes } from '../../kit/words.ts';
import { DownloadImage } from '../add-node/pi-image.tsx';
import { AddImage } from './add-image.tsx';

const againMs = 5_000;

export function ImagesPanel() {
  const may = useMay();
  const list = useRoute('images', {}, { refetchInterval: againMs });
  return (
    <Panel title="Images for Raspberry Pi" aside={may('imageAdd') && <AddImage />} bare>
      <Loaded of={list}>
        {({ images }) => (
          <PlainTable
            label="Images"
            columns={columns}
            rows={images}
            rowId={({ sha256 }) => sha256}
            none="None yet. make image with a key builds one."
          />
        )}
      </Loaded>
    </Panel>
  );
}

const columns: PlainColumn<FleetImage>[] = [
  { title: 'Version', cell: ({ manifest }) => manifest.version },
  { title: 'Node-agent', cell: ({ manifest }) => manifest.nodeAgent.version },
  { title: 'On a card', align: 'end', cell: ({ manifest }) => bytes(manifest.image.bytes) },
  {
    title: 'Signed by',
    cell: ({ keyId }) => (keyId ? <code>{keyId}</code> : <span className="warn">not signed</span>),
  },
  {
    title: 'Added',
    cell: ({ addedMs, addedBy }) => (
      <>
        <Time at={addedMs} /> <span className="dim small">{addedBy}</span>
      </>
    ),
  },
  { title: 'Actions', isTitleHidden: true, className: 'row-acts', cell: (row) => <Acts of={row} /> },
];

function Acts({ of: image }: { of: FleetImage }) {
  const may = useMay();
  const name = `image ${image.manifest.version}`;
  const remove = useAct('imageRemove', { done: () => `The ${name} is removed.`, stales: ['images', 'audit'] });
  return (
    <>
      <DownloadImage of={image} />
      {may('imageRemove') && (
        <ConfirmButton
          look="quiet"
          aria-label={`Remove ${name}`}
          title={`Remove ${name}?`}
          text="Cards that were written with it stay as they are."
          verb="Remove it"
          act={() => remove.run({ params: { image: image.sha256 } })}
        >
          Remove
        </ConfirmButton>
      )}
    </>
  );
}
