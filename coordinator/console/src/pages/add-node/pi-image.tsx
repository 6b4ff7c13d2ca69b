// The image for a card: which one the coordinator keeps, and one with a person's file in it. The file goes to the coordinator in the body of a
// request; the download is then asked for by a ticket, so that no secret is in an address.
import type { FleetImage } from '@blackroad/protocol';
import { addressOf } from '../../data/api.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { tell } from '../../data/told.ts';
import { LinkButton } from '../../kit/button.tsx';
import { CopyText } from '../../kit/field.tsx';
import { saveAs } from '../../kit/save-as.ts';
import { Loaded } from '../../kit/states.tsx';
import { bytes, wordsOf } from '../../kit/words.ts';

/** Resolves with whether the download has begun; a refusal is announced. */
export function useImageFor(): [ask: (image: FleetImage, file: string) => Promise<boolean>, isAsked: boolean] {
  const { run, isPending } = useAct('imagePersonal', { stales: ['audit'] });
  const ask = async ({ sha256 }: FleetImage, file: string) => {
    try {
      const { ticket, file: name } = await run({ params: { image: sha256 }, body: { file } });
      saveAs(addressOf('imagePersonalContent', { params: { image: sha256, ticket } }), name);
      return true;
    } catch (error) {
      tell({ text: wordsOf(error), tone: 'bad' });
      return false;
    }
  };
  return [ask, isPending];
}

export function ImageHere() {
  const found = useRoute('images');
  const may = useMay();
  return (
    <Loaded of={found}>
      {({ images: [image], imager }) =>
        image ? (
          <>
            <p className="row wrap">
              <span>
                Image <strong>{image.manifest.version}</strong>,{' '}
                {image.keyId ? (
                  <>
                    signed by <code>{image.keyId}</code>
                  </>
                ) : (
                  <span className="warn">not signed</span>
                )}
              </span>
              <DownloadImage of={image} />
            </p>
            <details className="add-node-more">
              <summary>With Raspberry Pi Imager</summary>
              <div className="stack">
                <p className="dim">
                  Imager asks for Wi-Fi, user and keys on its own settings page. It knows no join token: put{' '}
                  <code>blackroad.yaml</code> onto the card afterwards.
                </p>
                <CopyText
                  text={imager ? `rpi-imager --repo ${imager}` : 'fleet images imager --to .'}
                  label="Copy the command"
                />
              </div>
            </details>
          </>
        ) : (
          <p className="dim">
            The coordinator keeps no image yet.{' '}
            {may('imageAdd') && (
              <LinkButton look="quiet" to="/releases">
                Add one
              </LinkButton>
            )}
          </p>
        )
      }
    </Loaded>
  );
}

export function DownloadImage({ of: { sha256, manifest } }: { of: FleetImage }) {
  const { file, bytes: size } = manifest.download;
  return (
    <a
      className="button quiet"
      href={addressOf('imageContent', { params: { image: sha256 } })}
      download={file}
      aria-label={`Download, ${bytes(size)}: ${file}`}
    >
      Download, {bytes(size)}
    </a>
  );
}
