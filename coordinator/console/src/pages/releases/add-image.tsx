// The form that brings an image to the coordinator, part by part: one of 400 MB takes minutes. What broke off goes on where it was.
import type { ImageArrival } from '@blackroad/protocol';
import { Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { call } from '../../data/api.ts';
import { useWork } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { Checkbox, TextField } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { bytes, wordsOf } from '../../kit/words.ts';

interface Given {
  file: File;
  manifest: string;
  signature: string;
  unsigned: boolean;
  told(arrival: ImageArrival): void;
}

async function bring({ file, manifest, signature, unsigned, told }: Given) {
  const signed = signature === '' ? {} : { signature };
  let arrival = await call('imageAdd', { body: { manifest, ...signed, ...(unsigned ? { unsigned } : {}) } });
  if (file.size !== arrival.bytes)
    throw new Error(`The image should have ${bytes(arrival.bytes)}, as its .json says, and has ${bytes(file.size)}.`);
  while (!arrival.image) {
    told(arrival);
    const { sha256, heldBytes, partBytes } = arrival;
    const form = new FormData();
    form.append('file', file.slice(heldBytes, heldBytes + partBytes), file.name);
    arrival = await call('imagePart', { params: { image: sha256 }, query: { offset: heldBytes }, form });
  }
  return arrival.image;
}

export function AddImage() {
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState('');
  const [held, setHeld] = useState('');
  const add = useWork(bring, {
    stales: ['images', 'audit'],
    done: ({ manifest, keyId }) => `Image ${manifest.version} is here, ${keyId ? `signed by ${keyId}` : 'not signed'}.`,
  });
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setFault('');
    const given = new FormData(event.currentTarget);
    const [file, manifest, signature] = ['file', 'manifest', 'signature'].map((name) => given.get(name) as File);
    if (!file || !manifest || !signature) return;
    try {
      await add.run({
        file,
        manifest: await manifest.text(),
        signature: await signature.text(),
        unsigned: given.has('unsigned'),
        told: ({ heldBytes, bytes: all }) => setHeld(`${bytes(heldBytes)} of ${bytes(all)} are there.`),
      });
      setOpen(false);
    } catch (error) {
      setFault(wordsOf(error));
    } finally {
      setHeld('');
    }
  };
  const change = (now: boolean) => {
    setOpen(now);
    setFault('');
  };
  return (
    <>
      <Button icon={<Plus />} onClick={() => change(true)}>
        Add an image
      </Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title="Add an image"
        text="Three files that make image leaves in one folder."
      >
        <form className="stack" onSubmit={submit}>
          <TextField label="Image" type="file" name="file" accept=".xz" required hint="The .img.xz file." />
          <TextField label="Manifest" type="file" name="manifest" accept=".json" required hint="The .json file." />
          <TextField
            label="Signature"
            type="file"
            name="signature"
            accept=".minisig"
            hint="The .json.minisig file, where the image was built with a key."
          />
          <Checkbox name="unsigned" label="Take it although no trusted key signed it: I know where it is from" />
          {held !== '' && (
            <p className="dim" role="status">
              {held}
            </p>
          )}
          <Fault text={fault} />
          <footer className="row end">
            <Button type="submit" look="primary" busy={add.isPending}>
              Add it
            </Button>
          </footer>
        </form>
      </Dialog>
    </>
  );
}
