// The form that sends an archive with its signature. The coordinator says what it does not take, and why.
import { Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useAct } from '../../data/query.ts';
import { Button } from '../../kit/button.tsx';
import { TextField } from '../../kit/field.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';

export function AddRelease() {
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState('');
  const add = useAct('releaseAdd', {
    stales: ['releases', 'upgrade'],
    done: ({ name, version, arch, keyId }) => `${name} ${version} for ${arch} is here, signed by ${keyId}.`,
  });
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setFault('');
    const given = new FormData(event.currentTarget);
    const [file, signature] = [given.get('file') as File, given.get('signature') as File];
    // The signature goes first: it is read before the archive has come.
    const form = new FormData();
    form.append('signature', await signature.text());
    form.append('file', file, file.name);
    try {
      await add.run({ form });
      setOpen(false);
    } catch (error) {
      setFault(wordsOf(error));
    }
  };
  const change = (now: boolean) => {
    setOpen(now);
    setFault('');
  };
  return (
    <>
      <Button look="primary" icon={<Plus />} onClick={() => change(true)}>
        Add a release
      </Button>
      <Dialog open={open} onOpenChange={change} title="Add a release">
        <form className="stack" onSubmit={submit}>
          <TextField
            label="Archive"
            type="file"
            name="file"
            accept=".gz"
            required
            hint="A .tar.gz that make dist built."
          />
          <TextField
            label="Signature"
            type="file"
            name="signature"
            accept=".minisig"
            required
            hint="The .minisig file beside it."
          />
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
