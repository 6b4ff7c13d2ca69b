// Figures, meters, facts, fields.
import { useState } from 'react';
import { CopyText, SelectField, TextArea, TextField } from './field.tsx';
import { Facts, Meter, Stat } from './layout.tsx';
import { Sparkline } from './sparkline.tsx';
import type { Stories } from './stories.ts';
import { Choice, Tabs } from './tabs.tsx';

function Ranges() {
  const [value, set] = useState<'hour' | 'day'>('hour');
  return (
    <Choice
      label="Range"
      value={value}
      onValue={(now) => set(now)}
      options={[
        ['hour', 'Hour'],
        ['day', 'Day'],
      ]}
    />
  );
}
export const stories: Stories = {
  figures: () => (
    <div className="stats">
      <Stat name="Nodes online" value="10,000">
        none away
      </Stat>
      <Stat name="Tasks a minute" value="42">
        <Sparkline values={[3, 5, 4, 9, 12, 7, 8]} label="Tasks a minute, at most 12" />
      </Stat>
    </div>
  ),
  meters: () => (
    <div className="stack">
      <Meter label="CPU" value={0.04} max={1} text="4 %" />
      <Meter label="Memory" value={0.9} max={1} text="90 %" tone="warn" />
      <Meter label="Disk" value={0.99} max={1} text="99 %" tone="bad" />
      <Meter label="Nothing known" value={0} max={0} text="–" />
    </div>
  ),
  facts: () => (
    <Facts rows={[['Board', 'Raspberry Pi 5 Model B Rev 1.0'], ['A very long value', 'x'.repeat(200)], null]} />
  ),
  fields: () => (
    <div className="stack">
      <TextField label="Name" defaultValue="alice" hint="Lower-case letters, digits and dashes." />
      <TextField label="Name" defaultValue="Alice!" fault="expected lower-case letters, got “Alice!”" />
      <TextArea label="Instructions" />
      <SelectField label="Class" options={['pi', ['gpu', 'GPU box']]} />
      <CopyText text="bin/fleet join-token create" />
    </div>
  ),
  tabs: () => (
    <Tabs
      label="Parts"
      tabs={[
        { id: 'a', text: 'Charts', body: <Ranges /> },
        { id: 'b', text: 'Log', body: 'empty' },
      ]}
    />
  ),
};
