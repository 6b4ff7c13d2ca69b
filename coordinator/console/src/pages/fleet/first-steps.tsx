// The next steps in a new fleet: the first agent in one click, then the second node. They disappear when both are done.

import templates from 'fleet:templates';
import type { AgentLine, AgentSpec, NodeLine } from '@blackroad/protocol';
import { useNavigate } from '@tanstack/react-router';
import { Bot, Plus, Server } from 'lucide-react';
import { RadioGroup } from 'radix-ui';
import { type FormEvent, useState } from 'react';
import { call } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button, LinkButton } from '../../kit/button.tsx';
import { TextArea, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';

export function FirstSteps({ agents, nodes }: { agents: readonly AgentLine[]; nodes: readonly NodeLine[] }) {
  const may = useMay();
  const first = agents.length === 0 && nodes.length > 0 && may('agentApply');
  const second = nodes.length < 2 && may('joinTokenCreate');
  if (!first && !second) return null;
  return (
    <>
      {first && <FirstAgent />}
      {second && (
        <Panel className="step">
          <div className="row wrap">
            <Server aria-hidden="true" />
            <div className="grow">
              <h2>{nodes.length === 0 ? 'Add your first node' : 'Add a second node'}</h2>
              <p className="dim">
                Any Pi, PC or GPU box on your network joins with one command; no port has to be opened on it.
              </p>
            </div>
            <LinkButton to="/nodes/add" icon={<Plus />} look={first ? 'plain' : 'primary'}>
              Add a node
            </LinkButton>
          </div>
        </Panel>
      )}
    </>
  );
}

function FirstAgent() {
  const [chosen, setChosen] = useState(templates.find(({ name }) => name === 'alice') ?? (templates[0] as AgentSpec));
  const [name, setName] = useState(chosen.name);
  const [instructions, setInstructions] = useState(chosen.instructions);
  const navigate = useNavigate();
  const apply = useAct('agentApply', {
    done: (agent) => `${agent.name} is on its way to a node.`,
    undo: (agent) => () => call('agentRemove', { params: { agent: agent.name } }),
  });
  const choose = (wanted: string) => {
    const next = templates.find((template) => template.name === wanted);
    if (!next) return;
    setChosen(next);
    setName(next.name);
    setInstructions(next.instructions);
  };
  const start = (event: FormEvent) => {
    event.preventDefault();
    apply.mutate(
      { params: { agent: name }, body: { ...chosen, name, instructions } },
      {
        onSuccess: () => void navigate({ to: '/agents/$agent', params: { agent: name } }),
      },
    );
  };
  return (
    <Panel className="step">
      <form className="stack" onSubmit={start}>
        <div className="row">
          <Bot aria-hidden="true" />
          <div className="grow">
            <h2>Start your first agent</h2>
            <p className="dim">
              An agent is a standing prompt, a model and a memory of its own. The fleet finds the node that fits it.
            </p>
          </div>
        </div>
        <RadioGroup.Root className="templates" aria-label="Template" value={chosen.name} onValueChange={choose}>
          {templates.map((template) => (
            <RadioGroup.Item key={template.name} value={template.name} className="template">
              <strong>{template.name.toUpperCase()}</strong>
              <span className="dim small">{template.description}</span>
            </RadioGroup.Item>
          ))}
        </RadioGroup.Root>
        <div className="first-agent">
          <TextField
            label="Name"
            value={name}
            required
            pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
            title="Lower-case letters, digits and dashes"
            onChange={(event) => setName(event.target.value)}
          />
          <TextArea
            label="Instructions"
            rows={2}
            value={instructions}
            onChange={(event) => setInstructions(event.target.value)}
          />
        </div>
        <div>
          <Button type="submit" look="primary" busy={apply.isPending}>
            Start {name || 'it'}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
