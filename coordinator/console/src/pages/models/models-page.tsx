// The models of the fleet: their fit to every class of machine, where they are loaded, their speed and users; models that agents want and
// no node has; and present fetches.
import type { Catalogue } from '@blackroad/protocol';
import { Boxes, Download } from 'lucide-react';
import { useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { FetchDialog } from '../../fleet/fetch-dialog.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { SearchField } from '../../kit/field.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { plural } from '../../kit/words.ts';
import { CachePanel } from './cache-panel.tsx';
import { FitMatrix } from './fit-matrix.tsx';
import { ModelDrawer } from './model-drawer.tsx';
import { UnderWay } from './under-way.tsx';

const againMs = 10_000;
const searchFrom = 8;

export default function ModelsPage() {
  const may = useMay();
  const catalogue = useRoute('catalogue', {}, { refetchInterval: againMs });
  const [doing, setDoing] = useAddress('/models', 'do');
  const [chosen, setFetching] = useState<string | null>(null);
  const fetching = chosen ?? (doing === 'fetch' ? '' : null);
  const fetched = () => {
    setFetching(null);
    setDoing('');
  };
  const [asked, setAsked] = useState<readonly string[]>([]);
  const [open, setOpen] = useAddress('/models', 'model');
  return (
    <div className="page-stack">
      <PageHead
        title="Models"
        text={catalogue.data ? inAWord(catalogue.data) : ''}
        actions={
          may('nodePull') && (
            <Button icon={<Download />} onClick={() => setFetching('')}>
              Fetch a model
            </Button>
          )
        }
      />
      <FetchDialog
        open={fetching !== null}
        model={fetching ?? ''}
        onClose={fetched}
        began={(node) => setAsked([...new Set([...asked, node])])}
      />
      <Loaded of={catalogue} lines={8}>
        {(all) => (
          <>
            <Missing missing={all.missing} {...(may('nodePull') ? { fetchIt: setFetching } : {})} />
            <UnderWay asked={asked} />
            <Matrix catalogue={all} open={setOpen} />
            {may('modelCache') && <CachePanel />}
            <ModelDrawer
              model={all.models.find(({ name }) => name === open) ?? null}
              close={() => setOpen('')}
              {...(may('nodePull') ? { fetchIt: setFetching } : {})}
            />
          </>
        )}
      </Loaded>
    </div>
  );
}

function inAWord({ models, missing }: Catalogue): string {
  const loaded = models.filter(({ nodesResident }) => nodesResident > 0).length;
  const wanted = missing.length > 0 ? `, ${missing.length} wanted that no node has` : '';
  return `${plural(models.length, 'model')} on the fleet's disks, ${loaded} of them loaded somewhere${wanted}.`;
}

/** What agents name and no node has: with it they might run better, or at all. */
function Missing({ missing, fetchIt }: { missing: Catalogue['missing']; fetchIt?: (model: string) => void }) {
  if (missing.length === 0) return null;
  return (
    <Panel title="Wanted, and on no node" bare>
      <ul className="models-rows">
        {missing.map(({ name, agents }) => (
          <li key={name}>
            <code>{name}</code>
            <span className="grow dim">
              {plural(agents, 'agent')} {agents === 1 ? 'names' : 'name'} it in {agents === 1 ? 'its' : 'their'} list
            </span>
            {fetchIt && (
              <Button onClick={() => fetchIt(name)} aria-label={`Fetch ${name}`}>
                Fetch
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Matrix({ catalogue, open }: { catalogue: Catalogue; open(model: string): void }) {
  const [text, setText] = useAddress('/models', 'q');
  const { models } = catalogue;
  if (models.length === 0) {
    return (
      <Panel>
        <Empty title="No model on any node" icon={<Boxes />}>
          <p>
            A node shows the models of the runtimes it finds: an Ollama that answers, a vLLM or llama-server, or the
            small model of its own. Its page says what is missing.
          </p>
        </Empty>
      </Panel>
    );
  }
  const wanted = text.trim().toLowerCase();
  const found = models.filter(({ name }) => name.toLowerCase().includes(wanted));
  return (
    <Panel title="Which model fits where" bare>
      {(models.length >= searchFrom || text) && (
        <div className="table-bar">
          <SearchField label="Search models" value={text} onValue={setText} />
        </div>
      )}
      <FitMatrix models={found} classes={catalogue.classes} open={open} />
    </Panel>
  );
}
