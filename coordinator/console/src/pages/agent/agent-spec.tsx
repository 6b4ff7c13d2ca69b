// The spec under edit; what is saved is a new version.
import type { AgentView } from '@blackroad/protocol';
import { fixInWords } from '@blackroad/protocol/fix-words';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../data/api.ts';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Status } from '../../kit/status.tsx';
import { editedSpec } from '../agents/edited-spec.ts';
import { SpecEditor } from '../agents/spec-editor.tsx';
import type { Draft } from '../agents/spec-text.ts';

export default function AgentSpecTab({ agent }: { agent: AgentView }) {
  const navigate = useNavigate();
  const { name, spec, version } = agent;
  const [from, setFrom] = useState({ version, spec });
  const [fix] = useAddress('/agents/$agent', 'fix');
  const [filled] = useState(() => (fix === '' || !agent.unplaced ? null : editedSpec(spec, agent.unplaced.fix)));
  const renamed = (draft: Draft) =>
    draft.name === name
      ? null
      : { field: 'name', text: `The name stays ${name} here: rename the agent at the top of its page.`, line: null };
  return (
    <Panel title={`From version ${from.version}`}>
      {version > from.version && (
        <p className="row wrap spec-behind">
          <Status of="warning" word={`Meanwhile somebody made version ${version}; saving this takes its place.`} />
          <Button onClick={() => setFrom({ version, spec })}>Begin from {version}</Button>
        </p>
      )}
      {filled && agent.unplaced && (
        <p className="dim">What would place it is filled in: {fixInWords(agent.unplaced.fix)}.</p>
      )}
      <SpecEditor
        key={from.version}
        keep={`${name} ${from.version}`}
        start={from.spec}
        filled={from.version === version ? filled : null}
        isNew={false}
        verb={() => 'Save'}
        refuse={renamed}
        done={(now) =>
          now.version === version
            ? { text: 'Nothing changed.', tone: 'warn' }
            : {
                text: `${name} is at version ${now.version}.`,
                tone: 'good',
                undo: () => call('agentApply', { params: { agent: name }, body: spec }),
              }
        }
        onSaved={(now) => {
          if (now.version !== version) void navigate({ from: '/agents/$agent', to: '.', search: { tab: 'versions' } });
        }}
      />
    </Panel>
  );
}
