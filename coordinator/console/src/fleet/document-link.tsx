// Where in a document a memory is from, with a link to it: a browser opens a PDF at that page.
import type { DocumentPlace } from '@blackroad/protocol';
import { placeWords } from '@blackroad/protocol/memory-words';
import { FileText } from 'lucide-react';
import { addressOf } from '../data/api.ts';

export function DocumentLink({ agent, place }: { agent: string; place: DocumentPlace }) {
  const at = place.page === undefined ? '' : `#page=${place.page}`;
  const address = addressOf('documentContent', { params: { agent, document: place.id } });
  return (
    <a className="document-link" href={`${address}${at}`} target="_blank" rel="noreferrer">
      <FileText aria-hidden /> {placeWords(place)}
    </a>
  );
}

/** The documents that the agent had parts of before it when it answered, each page once. */
export function DocumentLinks({ agent, places }: { agent: string; places: readonly DocumentPlace[] | undefined }) {
  const shown = new Map((places ?? []).map((place) => [`${place.id} ${place.page ?? place.headings}`, place]));
  if (shown.size === 0) return null;
  return (
    <p className="row wrap small">
      <span className="dim">Recalled from</span>
      {[...shown].map(([key, place]) => (
        <DocumentLink key={key} agent={agent} place={place} />
      ))}
    </p>
  );
}
