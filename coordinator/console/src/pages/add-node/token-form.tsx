// The first step: the properties of the machine. Every field has a default; one click is enough for a Pi at home.
import type { JoinTokenCreated } from '@blackroad/protocol';
import { type FormEvent, useId, useMemo, useState } from 'react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { classShapes } from '../../fleet/class-shape.tsx';
import { Button } from '../../kit/button.tsx';
import { SelectField, TextArea, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { labelsOf } from './token-text.ts';

const times: [seconds: string, text: string][] = [
  ['600', '10 minutes'],
  ['3600', 'an hour'],
  ['86400', 'a day'],
  ['604800', 'a week'],
];
const classWords: Record<(typeof classShapes)[number], string> = {
  micro: 'micro: less than 2 GB, sensors and tools',
  pi: 'pi: Raspberry Pi 4 or 5',
  'edge-gpu': 'edge-gpu: Jetson or consumer GPU',
  cpu: 'cpu: PC or server without a GPU',
  gpu: 'gpu: data-centre GPU',
  cloud: 'cloud: speaks to a paid API',
};

export function TokenForm({ made }: { made(token: JoinTokenCreated): void }) {
  const { list } = useNodes();
  const sites = useMemo(() => sitesOf(list), [list]);
  const [uses, setUses] = useState('1');
  const [site, setSite] = useState(sites[0] ?? 'home');
  const [kind, setKind] = useState('');
  const [expires, setExpires] = useState('3600');
  const [labels, setLabels] = useState('');
  const [address, setAddress] = useState('');
  const siteList = useId();
  const create = useAct('joinTokenCreate', { stales: ['joinTokens', 'audit'] });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      {
        body: {
          uses: Number(uses),
          expiresSeconds: Number(expires),
          site: site.trim(),
          labels: labelsOf(labels),
          ...(kind ? { class: kind } : {}),
          ...(address.trim() ? { address: address.trim() } : {}),
        },
      },
      { onSuccess: made },
    );
  };
  return (
    <Panel title="1. What joins?">
      <form className="stack" onSubmit={submit}>
        <div className="add-node-fields">
          <TextField
            label="How many machines"
            type="number"
            min={1}
            max={10_000}
            required
            value={uses}
            onChange={(event) => setUses(event.target.value)}
          />
          <TextField
            label="Site"
            required
            maxLength={63}
            list={siteList}
            value={site}
            hint="One place: same network and power."
            onChange={(event) => setSite(event.target.value)}
          />
          <SelectField
            label="Class"
            value={kind}
            options={[
              ['', 'Detect automatically'],
              ...classShapes.map((name): [string, string] => [name, classWords[name]]),
            ]}
            onChange={(event) => setKind(event.target.value)}
          />
          <SelectField
            label="The command works for"
            value={expires}
            options={times}
            onChange={(event) => setExpires(event.target.value)}
          />
        </div>
        <datalist id={siteList}>
          {sites.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <details className="add-node-more">
          <summary>Labels, another address</summary>
          <div className="add-node-fields">
            <TextArea
              label="Labels"
              rows={2}
              value={labels}
              placeholder="room=kitchen, camera"
              hint="Agents can ask for them."
              onChange={(event) => setLabels(event.target.value)}
            />
            <TextField
              label="Address of the coordinator"
              value={address}
              placeholder="detect automatically"
              autoComplete="off"
              spellCheck={false}
              hint="The name or address the machine reaches it at, if the one found here is wrong."
              onChange={(event) => setAddress(event.target.value)}
            />
          </div>
        </details>
        <div>
          <Button look="primary" type="submit" busy={create.isPending}>
            Make the command
          </Button>
        </div>
      </form>
    </Panel>
  );
}

/** The sites there are, the largest first. */
function sitesOf(list: readonly { site: string; simulated: boolean }[]): string[] {
  const counts = new Map<string, number>();
  for (const { site, simulated } of list) if (!simulated) counts.set(site, (counts.get(site) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([site]) => site);
}
