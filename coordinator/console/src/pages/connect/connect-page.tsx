// The fleet as a model server for programs: an address, a key and a model, and ready texts for the usual programs. A key that is made here can
// ask models and agents and nothing else; it stands in the texts until the page is left.
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { useModelOptions } from '../../fleet/model-options.ts';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { CopyText, SelectField, TextField } from '../../kit/field.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { noKey, programs, snippetsFor } from './snippets.ts';

export default function ConnectPage() {
  const [program, setProgram] = useAddress('/connect', 'program', 'curl');
  const [model, setModel] = useState('auto');
  const [key, setKey] = useState('');
  const { origin, hostname } = window.location;
  const isLoopback = hostname === 'localhost' || hostname.startsWith('127.');
  const snippets = snippetsFor(program, { address: origin, key: key || noKey, model });
  return (
    <div className="page-stack">
      <PageHead
        title="Connect"
        text="Programs that speak the API of OpenAI, Anthropic or Ollama use the whole fleet: they need an address, a key and the name of a model."
      />
      <Panel title="What they need">
        <div className="stack">
          <p>
            Address: <code>{origin}</code>
          </p>
          {isLoopback && (
            <p className="dim small">
              Only programs on the coordinator’s own machine reach this address. From others it is https and the next
              port, with the fleet’s certificate authority (<code>ca.pem</code> in the data folder) as a trusted one.
            </p>
          )}
          <Key value={key} onValue={setKey} />
          <Model value={model} onValue={setModel} />
        </div>
      </Panel>
      <Panel
        title="Ready to copy"
        aside={<Choice label="Program" value={program} options={programs} onValue={setProgram} />}
      >
        <div className="stack">
          {snippets.map(({ text, code }) => (
            <div key={text} className="stack">
              <p className="dim">{text}</p>
              <CopyText text={code} />
            </div>
          ))}
        </div>
      </Panel>
    </div>
  );
}

function Key({ value, onValue }: { value: string; onValue(key: string): void }) {
  const may = useMay();
  const [name, setName] = useState('');
  const create = useAct('keyCreate', { stales: ['keys', 'audit'] });
  if (value !== '')
    return (
      <p className="dim small">
        The new key stands in the texts below. It can ask models and agents and nothing else; it is shown on this page
        alone, and revoked on Users and keys.
      </p>
    );
  if (!may('keyCreate'))
    return (
      <p className="dim small">An admin makes keys, on Users and keys; the role client is enough for a program.</p>
    );
  return (
    <form
      className="row wrap"
      onSubmit={(event) => {
        event.preventDefault();
        const body = { name: name.trim(), role: 'client' as const };
        create.mutate({ body }, { onSuccess: ({ key }) => onValue(key) });
      }}
    >
      <TextField
        label="A key for the program"
        value={name}
        required
        maxLength={63}
        autoComplete="off"
        placeholder="editor, home-assistant"
        hint="The audit and the usage name it."
        onChange={(event) => setName(event.target.value)}
      />
      <Button look="primary" type="submit" busy={create.isPending}>
        Make it
      </Button>
    </form>
  );
}

function Model({ value, onValue }: { value: string; onValue(model: string): void }) {
  const options = useModelOptions(value);
  return (
    <SelectField label="Model" value={value} options={options} onChange={(event) => onValue(event.target.value)} />
  );
}
