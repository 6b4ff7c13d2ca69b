// The models of the fleet and of its catalogue, as cards or as a table: their fit to every class of machine, where they are, their speed and
// users; models that agents want and no node has; and present fetches.
import type { Catalogue } from '@blackroad/protocol';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { FetchDialog } from '../../fleet/fetch-dialog.tsx';
import { useAddress } from '../../kit/address.ts';
import { Button } from '../../kit/button.tsx';
import { SearchField } from '../../kit/field.tsx';
import { PageHead, Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { plural } from '../../kit/words.ts';
import { CachePanel } from './cache-panel.tsx';
import { FetchWhere } from './fetch-where.tsx';
import { FitMatrix } from './fit-matrix.tsx';
import { isHere, ModelCards } from './model-cards.tsx';
import { ModelDrawer } from './model-drawer.tsx';
import { UnderWay } from './under-way.tsx';

const againMs = 10_000;
/** While something is fetched, people watch. */
const soonMs = 2_000;
const searchFrom = 8;

export default function ModelsPage() {
  const may = useMay();
  const [asked, setAsked] = useState<readonly string[]>(none);
  const catalogue = useRoute(
    'catalogue',
    {},
    { refetchInterval: ({ state: { data } }) => (isFetching(data) || asked.length > 0 ? soonMs : againMs) },
  );
  const [doing, setDoing] = useAddress('/models', 'do');
  const [chosen, setFetching] = useState<string | null>(null);
  const fetching = chosen ?? (doing === 'fetch' ? '' : null);
  const fetched = () => {
    setFetching(null);
    setDoing('');
  };
  const [open, setOpen] = useAddress('/models', 'model');
  const [view, setView] = useAddress('/models', 'view', 'cards');
  const [where, setWhere] = useState('');
  return (
    <div className="page-stack">
      <PageHead
        title="Models"
        text={catalogue.data ? inAWord(catalogue.data) : ''}
        actions={
          <>
            <Choice label="View" value={view} options={views} onValue={setView} />
            {may('nodePull') && (
              <Button icon={<Download />} onClick={() => setFetching('')}>
                Fetch a model
              </Button>
            )}
          </>
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
            <FileFaults file={all.file} />
            <UnderWay asked={view === 'table' ? asked : null} />
            {view === 'table' ? (
              <Matrix catalogue={all} open={setOpen} />
            ) : (
              <ModelCards catalogue={all} open={setOpen} fetchIt={setWhere} />
            )}
            {may('modelCache') && <CachePanel />}
            <FetchWhere model={named(all, where)} close={() => setWhere('')} />
            <ModelDrawer
              model={named(all, open)}
              close={() => setOpen('')}
              {...(may('modelPull') ? { fetchIt: setWhere } : {})}
            />
          </>
        )}
      </Loaded>
    </div>
  );
}

const none: readonly string[] = [];
const views = [
  ['cards', 'Cards'],
  ['table', 'Table'],
] as const;
const isFetching = (catalogue?: Catalogue) =>
  catalogue?.models.some(({ fetches }) => fetches.some(({ problem }) => problem === undefined)) === true;
const named = ({ models }: Catalogue, name: string) => models.find((model) => model.name === name) ?? null;

function inAWord({ models, missing }: Catalogue): string {
  const here = models.filter(({ nodesOnDisk }) => nodesOnDisk > 0).length;
  const loaded = models.filter(({ nodesResident }) => nodesResident > 0).length;
  const wanted = missing.length > 0 ? `, ${missing.length} wanted that no node has` : '';
  return `${plural(here, 'model')} on the fleet's disks, ${loaded} of them loaded somewhere${wanted}.`;
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

/** Models of the operator's file that do not count, and why. */
function FileFaults({ file }: { file: Catalogue['file'] }) {
  if (!file || file.faults.length === 0) return null;
  return (
    <Panel title="Your file of models has faults">
      <p className="dim small">
        These entries of <code>{file.path}</code> do not count; all others do.
      </p>
      <ul className="models-faults">
        {file.faults.map((fault) => (
          <li key={fault}>{fault}</li>
        ))}
      </ul>
    </Panel>
  );
}

function Matrix({ catalogue, open }: { catalogue: Catalogue; open(model: string): void }) {
  const [text, setText] = useAddress('/models', 'q');
  const models = catalogue.models.filter(isHere);
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
