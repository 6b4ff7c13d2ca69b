// One model beside the table: its properties, the nodes that have it, and the actions there.
import type { CatalogueModel } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { Download, FlaskConical } from 'lucide-react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button, LinkButton } from '../../kit/button.tsx';
import { Facts } from '../../kit/layout.tsx';
import { ConfirmButton, Dialog } from '../../kit/overlay.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { bytes, count, figure, plural } from '../../kit/words.ts';

export function ModelDrawer({
  model,
  close,
  fetchIt,
}: {
  model: CatalogueModel | null;
  close(): void;
  fetchIt?: (model: string) => void;
}) {
  return (
    <Dialog open={model !== null} onOpenChange={(open) => !open && close()} title={model?.name ?? ''} place="side">
      {model && <OneModel model={model} {...(fetchIt ? { fetchIt } : {})} />}
    </Dialog>
  );
}

function OneModel({ model, fetchIt }: { model: CatalogueModel; fetchIt?: (model: string) => void }) {
  const { agents, nodes, nodesOnDisk } = model;
  const may = useMay();
  return (
    <>
      <Facts
        rows={[
          ['Kind', `${model.kind}${model.tools ? ', calls tools' : ''}`],
          model.parametersB > 0 && ['Parameters', `${figure(model.parametersB)} billion`],
          ['On disk', model.sizeBytes > 0 ? bytes(model.sizeBytes) : 'the node cannot tell'],
          model.residentBytes > 0 && ['In memory', `up to ${bytes(model.residentBytes)} with contexts`],
          ['Context', `${count(model.contextTokens)} tokens at most`],
          ['Runtimes', model.runtimes.join(', ')],
          [
            'Agents',
            `${plural(agents.using, 'agent')} placed with it${agents.wanting > 0 ? `, ${agents.wanting} name it` : ''}`,
          ],
        ]}
      />
      <div className="row wrap">
        <h3 className="grow">{plural(nodesOnDisk, 'node')} with it</h3>
        {model.kind === 'chat' && nodesOnDisk > 0 && may('openaiChat') && (
          <LinkButton to="/playground" search={{ model: model.name }} icon={<FlaskConical />}>
            Try it
          </LinkButton>
        )}
        {fetchIt && (
          <Button icon={<Download />} onClick={() => fetchIt(model.name)}>
            Fetch to another node
          </Button>
        )}
      </div>
      <ul className="models-nodes">
        {nodes.map((place) => (
          <Place key={place.node} model={model.name} place={place} />
        ))}
      </ul>
      {nodesOnDisk > nodes.length && (
        <p className="dim small">and {count(nodesOnDisk - nodes.length)} more; those that have it loaded stand first</p>
      )}
    </>
  );
}

function Place({ model, place }: { model: string; place: CatalogueModel['nodes'][number] }) {
  const may = useMay();
  const unload = useAct('nodeUnload', { done: ({ text }) => text, stales: ['catalogue'] });
  const { rows } = useNodes();
  const online = rows.get(place.node)?.presence === 'online';
  return (
    <li>
      <Link to="/nodes/$node" params={{ node: place.node }} className="models-node">
        {place.node}
      </Link>
      <Tag>{place.class}</Tag>
      <span className="grow">
        {place.resident ? <Status of="online" word="loaded" /> : <Status of="never" word="on disk" />}
      </span>
      {place.decodeTps > 0 && <span className="dim small nowrap">{figure(place.decodeTps)} tokens/s</span>}
      {place.resident && online && may('nodeUnload') && (
        <ConfirmButton
          look="quiet"
          aria-label={`Unload from ${place.node}`}
          title={`Unload ${model} from ${place.node}?`}
          text="Its memory becomes free there; the next task that needs it loads it again. Refused while an agent there needs it."
          verb="Unload"
          act={() => unload.run({ params: { node: place.node }, body: { model } })}
        >
          Unload
        </ConfirmButton>
      )}
    </li>
  );
}
