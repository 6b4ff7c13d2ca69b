// The models as cards: those that a node has or fetches first, then the catalogue, from small to large. A word or a tier narrows them.
import type { Catalogue, CatalogueModel } from '@blackroad/protocol';
import { Boxes } from 'lucide-react';
import { useAddress } from '../../kit/address.ts';
import { SearchField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { ModelCard } from './model-card.tsx';

interface Acts {
  open(model: string): void;
  fetchIt(model: string): void;
}

const sizes = [
  ['all', 'All'],
  ['small', 'Small'],
  ['medium', 'Medium'],
  ['large', 'Large'],
  ['embed', 'Embed'],
] as const;

export const isHere = ({ nodesOnDisk, fetches }: CatalogueModel) => nodesOnDisk > 0 || fetches.length > 0;

export function ModelCards({ catalogue, ...acts }: { catalogue: Catalogue } & Acts) {
  const [text, setText] = useAddress('/models', 'q');
  const [size, setSize] = useAddress('/models', 'size', 'all');
  const wanted = text.trim().toLowerCase();
  const found = catalogue.models.filter(
    (model) => wordsOf(model).some((word) => word.toLowerCase().includes(wanted)) && isOfSize(model, size),
  );
  const here = found.filter(isHere);
  const known = found.filter((model) => !isHere(model)).sort((a, b) => rank(a) - rank(b));
  return (
    <>
      <div className="row wrap models-bar">
        <SearchField label="Search models" value={text} onValue={setText} />
        <Choice label="Size" value={size} options={sizes} onValue={setSize} />
        <span className="dim small">~ is an estimate, until a node has answered with the model</span>
      </div>
      {catalogue.models.some(isHere) ? (
        <Cards title="On this fleet" models={here} none="No model of this fleet is like that." {...acts} />
      ) : (
        <Panel>
          <Empty title="No model on any node" icon={<Boxes />}>
            <p>
              A node shows the models of the runtimes it finds: an Ollama that answers, a vLLM or llama-server, or the
              small model of its own. Its page says what is missing.
            </p>
          </Empty>
        </Panel>
      )}
      <Cards title="In the catalogue" models={known} none="No model of the catalogue is like that." {...acts} />
    </>
  );
}

function Cards({
  title,
  models,
  none,
  ...acts
}: { title: string; models: readonly CatalogueModel[]; none: string } & Acts) {
  return (
    <section className="models-section">
      <h2>{title}</h2>
      {models.length === 0 ? (
        <p className="dim">{none}</p>
      ) : (
        <ul className="model-cards">
          {models.map((model) => (
            <ModelCard key={model.name} model={model} {...acts} />
          ))}
        </ul>
      )}
    </section>
  );
}

const wordsOf = ({ name, entry }: CatalogueModel): string[] => [
  name,
  ...(entry ? [entry.name, entry.title, entry.licence, ...entry.aliases] : []),
];
const isOfSize = ({ kind, tier }: CatalogueModel, size: string) =>
  size === 'all' || (size === 'embed' ? kind === 'embed' : kind === 'chat' && tier === size);
const rank = ({ kind, sizeBytes }: CatalogueModel) => (kind === 'embed' ? 1e15 : 0) + sizeBytes;
