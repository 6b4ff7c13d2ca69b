// The second step for a Raspberry Pi that is to be flashed: the file that makes it a node at its first start, or the whole image with that file
// in it. The file is made in the browser: only for the whole image are the passwords in it sent, to the coordinator.
import type { JoinTokenCreated } from '@blackroad/protocol';
import { writePersonalFile } from '@blackroad/protocol/write-personal-file';
import { type FormEvent, useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { Left } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Checkbox, TextArea, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { saveText } from '../../kit/save-as.ts';
import { bytes, plural } from '../../kit/words.ts';
import { type DraftFaults, type PiDraft, personalFileOf } from './pi-draft.ts';
import { ImageHere, useImageFor } from './pi-image.tsx';

const fileName = 'blackroad.yaml';
interface Saved {
  what: 'file' | 'image';
  name: string;
  hasPassword: boolean;
}

const untouched = (): PiDraft => ({
  name: '',
  wifi: '',
  password: '',
  hidden: false,
  // The region of the browser's language is a good guess of where the Pi will stand.
  country: new Intl.Locale(navigator.language).region ?? '',
  timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
  sshUser: 'pi',
  sshKeys: '',
  ollama: false,
  readOnly: false,
});

export function PiCard({ token, again }: { token: JoinTokenCreated; again(): void }) {
  const [draft, setDraft] = useState(untouched);
  const [faults, setFaults] = useState<DraftFaults>({});
  const [saved, setSaved] = useState<Saved | null>(null);
  const image = useRoute('images', {}, { refetchInterval: 10_000 }).data?.images[0] ?? null;
  const [ask, isAsked] = useImageFor();
  const set = (part: Partial<PiDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setFaults({});
  };
  const save = async (what: Saved['what']) => {
    setSaved(null);
    const made = personalFileOf(draft, token.token);
    setFaults('faults' in made ? made.faults : {});
    if ('faults' in made) return;
    const text = writePersonalFile(made.file);
    if (what === 'file') saveText(text, fileName);
    else if (image !== null && !(await ask(image, text))) return;
    setSaved({ what, name: draft.name || 'the Pi', hasPassword: draft.password !== '' });
    // The next card is of another Pi in the same network.
    if (token.uses > 1) setDraft((before) => ({ ...before, name: '' }));
  };
  return (
    <Panel
      title="2. A file for the card"
      aside={
        <Button look="quiet" onClick={again}>
          Another token
        </Button>
      }
    >
      <form
        className="stack"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void save('file');
        }}
        noValidate
      >
        <p className="dim">
          Flash the image of the fleet, then put this file onto the small partition of the card that every computer
          shows; or take the whole image with the file in it, and flash that. The Pi takes it at its first start, joins,
          and removes token and password from it. Valid for {plural(token.uses, 'machine')} and{' '}
          <Left until={token.expiresMs} />.
        </p>
        <ImageHere />
        <PiFields draft={draft} faults={faults} set={set} />
        <div className="row wrap">
          <Button look="primary" type="submit">
            Save {fileName}
          </Button>
          {image && (
            <Button busy={isAsked} onClick={() => void save('image')}>
              Save the image with it, {bytes(image.manifest.download.bytes)}
            </Button>
          )}
        </div>
        <p className="dim small">
          {fileName} is made here in the browser; what you type is sent to nobody.
          {image &&
            ' For the whole image the coordinator gets it too: it keeps it in memory until your download begins, a minute at most, and writes it nowhere.'}
        </p>
        {saved && <SavedNote of={saved} />}
      </form>
    </Panel>
  );
}

function SavedNote({ of: { what, name, hasPassword } }: { of: Saved }) {
  const holds = `It holds the join token${hasPassword ? ' and the password' : ''}: delete it once it is on the card.`;
  return (
    <p className="small" role="status">
      {what === 'file'
        ? `${fileName} for ${name} is in your downloads. ${holds}`
        : `The image for ${name} comes into your downloads. Flash it as it is, without settings of Raspberry Pi Imager. ${holds}`}
    </p>
  );
}

function PiFields({ draft, faults, set }: { draft: PiDraft; faults: DraftFaults; set(part: Partial<PiDraft>): void }) {
  const text = (field: Exclude<keyof PiDraft, 'hidden' | 'ollama' | 'readOnly'>, label: string, hint: string) => ({
    label,
    hint,
    value: draft[field],
    fault: faults[field],
    autoComplete: 'off',
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => set({ [field]: event.target.value }),
  });
  return (
    <>
      <div className="add-node-fields">
        <TextField {...text('name', 'Name of the Pi', 'In the fleet and in your network, such as kitchen.')} />
        <TextField {...text('timeZone', 'Time zone', 'Such as Europe/Berlin.')} />
        <TextField {...text('wifi', 'Wi-Fi network', 'Empty: it has a cable.')} />
        <TextField {...text('password', 'Wi-Fi password', 'Empty: the network is open.')} type="password" />
        <TextField {...text('country', 'Country', 'Two letters: which Wi-Fi channels are allowed.')} maxLength={2} />
      </div>
      <details className="add-node-more">
        <summary>SSH, Ollama, read-only</summary>
        <div className="add-node-fields">
          <TextArea
            {...text(
              'sshKeys',
              'SSH keys',
              'Lines of files that end with .pub. Without one nobody signs in over the network.',
            )}
            rows={3}
          />
          <TextField {...text('sshUser', 'SSH user', 'The keys sign in as this user.')} />
        </div>
        <div className="stack">
          <Checkbox
            label="The network does not tell its name"
            checked={draft.hidden}
            onChange={(event) => set({ hidden: event.target.checked })}
          />
          <Checkbox
            label="Install Ollama (4 GB of memory or more)"
            checked={draft.ollama}
            onChange={(event) => set({ ollama: event.target.checked })}
          />
          <Checkbox
            label="Keep the system read-only: the Pi may lose its power at any moment"
            checked={draft.readOnly}
            onChange={(event) => set({ readOnly: event.target.checked })}
          />
        </div>
      </details>
    </>
  );
}
