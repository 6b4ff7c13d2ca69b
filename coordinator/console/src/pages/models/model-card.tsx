// One model as a card: what it is, how it stands to each class of this fleet and how fast it answers there, where it is, and the fetches
// under way.
import type { CatalogueModel } from '@blackroad/protocol';
import { Download, Pin } from 'lucide-react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { ClassShape } from '../../fleet/class-shape.tsx';
import { progressInWords, shareOf } from '../../fleet/fetching.ts';
import { Button } from '../../kit/button.tsx';
import type { Shape, Tone } from '../../kit/looks.ts';
import { Glyph, Status, Tag } from '../../kit/status.tsx';
import { bytes, count, figure, plural } from '../../kit/words.ts';
import { ordersInWords, placesFor } from './orders.ts';

interface Props {
  model: CatalogueModel;
  open(model: string): void;
  fetchIt(model: string): void;
}

export function ModelCard({ model, open, fetchIt }: Props) {
  const may = useMay();
  const { name, entry, fetches, nodesOnDisk } = model;
  const canFetch = may('modelPull') && placesFor(model).length > 0;
  return (
    <li className="model-card">
      <header className="row">
        <h3 className="grow">
          <button type="button" className="models-name" onClick={() => open(name)}>
            <code>{name}</code>
          </button>
        </h3>
        {model.sizeBytes > 0 && <Tag>{model.kind === 'chat' ? model.tier : 'embeds'}</Tag>}
      </header>
      <p className="dim small">{aboutIt(model)}</p>
      <Classes model={model} />
      {fetches.length > 0 && (
        <ul className="model-fetches" aria-label={`Fetches of ${name}`}>
          {fetches.map((fetch) => (
            <Fetch key={fetch.node} model={name} fetch={fetch} />
          ))}
        </ul>
      )}
      <footer className="row">
        <span className="grow dim small">
          {whereItIs(model)}
          {entry && <span className="model-licence">{entry.licence || 'licence not stated'}</span>}
        </span>
        {canFetch && (
          <Button icon={<Download />} aria-label={`Fetch ${name}`} onClick={() => fetchIt(name)}>
            {nodesOnDisk > 0 ? 'Fetch to more' : 'Fetch'}
          </Button>
        )}
      </footer>
    </li>
  );
}

/** `Qwen2.5 7B Instruct · 4.4 GiB · Q4_K_M · 32,768 tokens · calls tools`. */
function aboutIt({ name, entry, sizeBytes, contextTokens, tools, kind }: CatalogueModel): string {
  return [
    entry && entry.title !== name && entry.title,
    sizeBytes > 0 ? bytes(sizeBytes) : 'size not known',
    entry?.quantisation,
    contextTokens > 0 && `${count(contextTokens)} tokens`,
    tools && kind === 'chat' && 'calls tools',
    entry?.vision && 'sees pictures',
  ]
    .filter(Boolean)
    .join(' · ');
}

function whereItIs({ nodesOnDisk, nodesResident, pins }: CatalogueModel) {
  return (
    <span className="row wrap model-where">
      {nodesOnDisk > 0 ? (
        <Status
          of={nodesResident > 0 ? 'online' : 'never'}
          word={`${plural(nodesOnDisk, 'node')}${nodesResident > 0 ? `, ${nodesResident} loaded` : ''}`}
        />
      ) : (
        <span>on no node</span>
      )}
      {pins.length > 0 && (
        <span className="model-pinned">
          <Pin aria-hidden="true" size={13} /> pinned
        </span>
      )}
    </span>
  );
}

type Fit = CatalogueModel['fits'][number];
const fitLook = ({ fitting, nodes }: Fit): { shape: Shape; tone: Tone; word: string } => {
  if (fitting === 0) return { shape: 'cross', tone: 'dim', word: 'too large' };
  return fitting === nodes
    ? { shape: 'tick', tone: 'good', word: 'fits' }
    : { shape: 'half', tone: 'info', word: `${fitting} of ${nodes}` };
};

/** The classes of the fleet, each with the fit and the speed; a speed that no node has measured is marked. */
function Classes({ model }: { model: CatalogueModel }) {
  const { fits, kind, name, sizeBytes } = model;
  if (sizeBytes === 0) return <p className="dim small">What it fits on is not known before its size is.</p>;
  if (fits.length === 0) return <p className="dim small">No node has said yet what it can carry.</p>;
  return (
    <ul className="model-classes" aria-label={`How ${name} fits`}>
      {fits.map((fit) => {
        const look = fitLook(fit);
        return (
          <li key={fit.class} className={fit.fitting === 0 ? 'dim' : ''}>
            <ClassShape kind={fit.class} tone="dim" used={null} size={16} />
            <span className="model-class">{fit.class}</span>
            <Glyph shape={look.shape} tone={look.tone} />
            <span className="grow">{look.word}</span>
            {fit.fitting > 0 && kind === 'chat' && fit.decodeTps > 0 && (
              <span className="nowrap small">
                <span className="figure">
                  {fit.measured ? '' : '~'}
                  {figure(fit.decodeTps)}
                </span>{' '}
                tokens/s
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Fetch({ model, fetch }: { model: string; fetch: CatalogueModel['fetches'][number] }) {
  const may = useMay();
  const stop = useAct('modelStopPull', { done: (answer) => ordersInWords(answer, 'stop'), stales: ['catalogue'] });
  const pull = useAct('modelPull', { done: (answer) => ordersInWords(answer, 'fetch'), stales: ['catalogue'] });
  const failed = fetch.problem !== undefined;
  const share = shareOf(fetch);
  const given = { body: { model, nodes: [fetch.node] } };
  return (
    <li>
      <span className="row">
        <Status of={failed ? 'error' : 'starting'} word={fetch.node} />
        <span className={`grow small ${failed ? '' : 'figure'}`}>{progressInWords(fetch)}</span>
        {failed && may('modelPull') && (
          <Button
            look="quiet"
            busy={pull.isPending}
            onClick={() => pull.mutate(given)}
            aria-label={`Try ${fetch.node} again`}
          >
            Try again
          </Button>
        )}
        {!failed && may('modelStopPull') && (
          <Button
            look="quiet"
            busy={stop.isPending}
            onClick={() => stop.mutate(given)}
            aria-label={`Stop the fetch to ${fetch.node}`}
          >
            Stop
          </Button>
        )}
      </span>
      {!failed && (
        <span
          className="bar"
          role="progressbar"
          aria-label={`${model} to ${fetch.node}`}
          {...(share === null ? {} : { 'aria-valuenow': Math.round(share * 100) })}
        >
          <span className="info" style={{ width: `${(share ?? 0) * 100}%` }} />
        </span>
      )}
    </li>
  );
}
