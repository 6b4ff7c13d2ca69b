// One model beside the table: its properties, the nodes that have it, and the actions there.
import type { CatalogueModel, ModelOrders } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { Download, FlaskConical, RefreshCw } from 'lucide-react';
import { useNodes } from '../../data/live.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button, LinkButton } from '../../kit/button.tsx';
import { Facts } from '../../kit/layout.tsx';
import { ConfirmButton, Dialog } from '../../kit/overlay.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { bytes, count, figure, plural } from '../../kit/words.ts';
import { ModelPins } from './model-pins.tsx';
import { ordersInWords, placesFor } from './orders.ts';

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
  const { agents, nodes, nodesOnDisk, entry } = model;
  const may = useMay();
  return (
    <>
      <Facts
        rows={[
          ['Kind', `${model.kind}${model.tools ? ', calls tools' : ''}`],
          model.parametersB > 0 && ['Parameters', `${figure(model.parametersB)} billion`],
          ['On disk', model.sizeBytes > 0 ? bytes(model.sizeBytes) : 'the node cannot tell'],
          model.residentBytes > 0 && ['In memory', `up to ${bytes(model.residentBytes)} with contexts`],
          model.residentBytes === 0 &&
            model.neededBytes > 0 && ['In memory', `about ${bytes(model.neededBytes)}, estimated`],
          model.contextTokens > 0 && ['Context', `${count(model.contextTokens)} tokens at most`],
          Boolean(entry?.quantisation) && ['Weights', entry?.quantisation],
          entry && ['Licence', entry.licence || 'not stated'],
          entry?.source !== undefined && ['Source', <code key="source">{entry.source}</code>],
          entry && ['Entry', origins[entry.from]],
          model.runtimes.length > 0 && ['Runtimes', model.runtimes.join(', ')],
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
        {fetchIt && placesFor(model).length > 0 && (
          <Button icon={<Download />} onClick={() => fetchIt(model.name)}>
            {nodesOnDisk > 0 ? 'Fetch to more nodes' : 'Fetch'}
          </Button>
        )}
        {nodesOnDisk > 0 && <Update model={model.name} />}
      </div>
      <ul className="models-nodes">
        {nodes.map((place) => (
          <Place key={place.node} model={model.name} place={place} />
        ))}
      </ul>
      {nodesOnDisk > nodes.length && (
        <p className="dim small">and {count(nodesOnDisk - nodes.length)} more; those that have it loaded stand first</p>
      )}
      <Delete model={model} />
      <ModelPins model={model} />
    </>
  );
}

function Place({ model, place }: { model: string; place: CatalogueModel['nodes'][number] }) {
  const may = useMay();
  const unload = useAct('nodeUnload', { done: ({ text }) => text, stales: ['catalogue'] });
  const remove = useAct('modelRemove', { stales: ['catalogue'] });
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
        {!place.fetched && <span className="dim small"> · its owner's</span>}
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
      {!place.resident && online && may('modelRemove') && (
        <ConfirmButton
          look="quiet"
          aria-label={`Delete from ${place.node}`}
          title={`Delete ${model} from ${place.node}?`}
          text={
            place.fetched
              ? 'It leaves the disk there, and can be fetched again. Refused while an agent there needs it.'
              : `The fleet did not fetch it there: it is of the owner of ${place.node}. Refused while an agent there needs it.`
          }
          verb="Delete"
          act={async () => refuse(await remove.run({ body: { model, nodes: [place.node] } }))}
        >
          Delete
        </ConfirmButton>
      )}
    </li>
  );
}

const origins = {
  shipped: 'of this project',
  file: 'of your file of models',
  changed: 'of this project, with fields of your file of models',
} as const;

/** A question stays open with the reason of the first node that refused. */
function refuse({ orders }: ModelOrders): void {
  const refused = orders.find(({ ok }) => !ok);
  if (refused) throw new Error(`${refused.node}: ${refused.text}`);
}

function Update({ model }: { model: string }) {
  const may = useMay();
  const pull = useAct('modelPull', { done: (answer) => ordersInWords(answer, 'fetch'), stales: ['catalogue'] });
  if (!may('modelPull')) return null;
  return (
    <Button
      icon={<RefreshCw />}
      busy={pull.isPending}
      title="Fetches it again where it is: what is newer replaces it"
      onClick={() => pull.mutate({ body: { model, update: true } })}
    >
      Update
    </Button>
  );
}

/** From everywhere the fleet fetched it. */
function Delete({ model: { name, fetchedOn } }: { model: CatalogueModel }) {
  const may = useMay();
  const remove = useAct('modelRemove', { done: (answer) => ordersInWords(answer, 'removed'), stales: ['catalogue'] });
  if (!may('modelRemove') || fetchedOn === 0) return null;
  const from = fetchedOn === 1 ? 'the node' : `all ${count(fetchedOn)} nodes`;
  return (
    <ConfirmButton
      title={`Delete ${name} from ${from} that the fleet fetched it to?`}
      text="It leaves their disks, and can be fetched again. A node where an agent needs it, or where it is pinned, keeps it."
      verb="Delete"
      act={() => remove.run({ body: { model: name } })}
    >
      Delete from {from}
    </ConfirmButton>
  );
}
