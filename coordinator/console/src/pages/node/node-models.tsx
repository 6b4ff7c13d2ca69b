// The models of a node: on disk or loaded, how large, how fast; unload one, fetch another.
import type { NodeModel, NodeView } from '@blackroad/protocol';
import { loadOnNode, loadWords } from '@blackroad/protocol/model-load';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { FetchDialog } from '../../fleet/fetch-dialog.tsx';
import { canFetch } from '../../fleet/fetching.ts';
import { NodeFetches } from '../../fleet/node-fetches.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { bytes, count, duration, figure, plural } from '../../kit/words.ts';

export function NodeModels({ node }: { node: NodeView }) {
  const may = useMay();
  const models = node.capacity?.models ?? [];
  const canPull = may('nodePull') && node.presence === 'online' && canFetch(node.capacity);
  return (
    <Panel title="Models" bare aside={canPull && <Pull node={node} />}>
      {(node.capacity?.fetches ?? []).length > 0 && (
        <div className="panel-body">
          <NodeFetches node={node} />
        </div>
      )}
      {models.length === 0 ? (
        <Empty title="No model on this node">
          <p>
            {canPull
              ? 'Fetch one, or let placement do it: an agent that wants a model has it fetched.'
              : node.capacity?.noModel
                ? `Agents cannot answer here: ${node.capacity.noModel}.`
                : 'Nothing here can fetch a model; the notes of the machine say what is missing.'}
          </p>
        </Empty>
      ) : (
        <PlainTable
          label="Models"
          columns={columnsOf(node, may('nodeUnload') && node.presence === 'online')}
          rows={models}
          rowId={({ name }) => name}
        />
      )}
    </Panel>
  );
}

function columnsOf(node: NodeView, mayUnload: boolean): PlainColumn<NodeModel>[] {
  return [
    { title: 'Model', cell: (model) => <Name node={node} model={model} /> },
    {
      title: 'State',
      cell: ({ resident, asleep, adapterOf, speed, price }) =>
        price ? (
          <span title="US dollars, a million tokens">
            ${price.read} read, ${price.written} written
          </span>
        ) : (
          <>
            {resident ? (
              <Status of="online" word="loaded" />
            ) : (
              <Status of="never" word={asleep ? 'asleep' : 'on disk'} />
            )}
            {!resident && speed.loadMs !== undefined && (
              <span className="dim small">
                {' '}
                {asleep ? 'wakes' : 'loads'} in {duration(speed.loadMs)}
              </span>
            )}
            {adapterOf && <span className="dim small"> adapter of {adapterOf}</span>}
          </>
        ),
    },
    {
      title: 'Busy',
      cell: (model) => {
        const load = loadOnNode(node, model);
        return load === null ? '–' : loadWords(load);
      },
    },
    { title: 'On disk', align: 'end', cell: ({ sizeBytes }) => bytes(sizeBytes) },
    {
      title: 'In memory',
      align: 'end',
      cell: ({ resident, residentBytes }) => (resident ? bytes(residentBytes) : '–'),
    },
    {
      title: 'Tokens a second',
      align: 'end',
      cell: ({ speed }) => (
        <>
          {figure(speed.decodeTps)} {speed.samples === 0 && <Tag>guess</Tag>}
          {speed.prefillTps > 0 && <span className="dim small"> reads {figure(speed.prefillTps)}</span>}
        </>
      ),
    },
    { title: 'Context', align: 'end', cell: ({ contextTokens }) => count(contextTokens) },
    {
      title: 'Actions',
      isTitleHidden: true,
      align: 'end',
      cell: (model) => mayUnload && model.resident && !model.price && <Unload node={node} model={model} />,
    },
  ];
}

function Name({ node, model }: { node: NodeView; model: NodeModel }) {
  const { name, kind, runtime, slots, tools } = model;
  const { capacity } = node;
  const load = loadOnNode(node, model);
  return (
    <>
      <code>{name}</code>
      <span className="dim small">
        {[kind, runtime, load === null && plural(slots, 'slot'), tools && 'calls tools'].filter(Boolean).join(' · ')}
        {capacity?.defaultChat === name && ' · what “auto” means here'}
        {capacity?.embedder === name && ' · embeds memories here'}
      </span>
    </>
  );
}

function Unload({ node, model: { name, residentBytes } }: { node: NodeView; model: NodeModel }) {
  const unload = useAct('nodeUnload', { done: ({ text }) => text });
  return (
    <ConfirmButton
      look="quiet"
      title={`Unload ${name}?`}
      text={`${bytes(residentBytes)} of memory become free on ${node.id}. The next task that needs it loads it again. Refused while an agent here needs it.`}
      verb="Unload"
      act={() => unload.run({ params: { node: node.id }, body: { model: name } })}
    >
      Unload
    </ConfirmButton>
  );
}

function Pull({ node }: { node: NodeView }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon={<Download />} onClick={() => setOpen(true)}>
        Fetch a model
      </Button>
      <FetchDialog open={open} node={node.id} onClose={() => setOpen(false)} />
    </>
  );
}
