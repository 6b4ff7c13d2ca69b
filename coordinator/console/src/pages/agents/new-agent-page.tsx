// A new agent: a template to start from, the spec as a form or as text, and where placement would put it.
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../data/api.ts';
import { useAgents } from '../../data/live.ts';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { SpecEditor } from './spec-editor.tsx';
import type { Draft } from './spec-text.ts';
import { blank, TemplateGallery } from './template-gallery.tsx';
import { WhereWouldItGo } from './where-would-it-go.tsx';

export default function NewAgentPage() {
  const [chosen, setChosen] = useState<{ name: string; draft: Draft }>({ name: '', draft: blank });
  const { rows } = useAgents();
  const navigate = useNavigate();
  const taken = ({ name = '' }: Draft) =>
    rows.has(name) ? { field: 'name', text: `There is an agent ${name} already.`, line: null } : null;
  return (
    <div className="page-stack">
      <PageHead title="New agent" text="A standing prompt, a model and a memory of its own. Start from one of these." />
      <TemplateGallery chosen={chosen.name} onChosen={(name, draft) => setChosen({ name, draft })} />
      <Panel title="The agent">
        <SpecEditor
          key={chosen.name}
          keep={`new ${chosen.name}`}
          start={chosen.draft}
          isNew
          verb={(name) => `Start ${name || 'it'}`}
          refuse={taken}
          done={({ name }) => ({
            text: `${name} is on its way to a node.`,
            tone: 'good',
            undoWord: 'Remove it again',
            undo: () => call('agentRemove', { params: { agent: name } }).then(() => void navigate({ to: '/agents' })),
          })}
          onSaved={({ name }) => void navigate({ to: '/agents/$agent', params: { agent: name } })}
          beside={(draft, onFault) => <WhereWouldItGo draft={draft} onFault={onFault} />}
        />
      </Panel>
    </div>
  );
}
