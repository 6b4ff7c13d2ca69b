// The documents of an agent: a place to drop files, what became of each, and how far they are written into its memory.
import type { DocumentAdded, DocumentView } from '@blackroad/protocol';
import { waitsInWords } from '@blackroad/protocol/memory-words';
import { FileUp, Trash2 } from 'lucide-react';
import { type DragEvent, useState } from 'react';
import { call } from '../../data/api.ts';
import { useAct, useRoute, useWork } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { DocumentLink } from '../../fleet/document-link.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Loaded } from '../../kit/states.tsx';
import { bytes, plural, wordsOf } from '../../kit/words.ts';

/** While parts are being written. */
const againMs = 2_000;
const taken = '.pdf,.md,.markdown,.html,.htm,.txt';

export function MemoryDocuments({ agent }: { agent: string }) {
  const may = useMay();
  const documents = useRoute(
    'documents',
    { params: { agent } },
    { refetchInterval: ({ state }) => (state.data?.some(({ waits }) => waits !== null) ? againMs : false) },
  );
  return (
    <Panel title="Documents" aside={<span className="dim small">what it can answer from, with the page</span>}>
      {may('documentAdd') && <DropZone agent={agent} />}
      <Loaded of={documents}>
        {(list) =>
          list.length > 0 && (
            <PlainTable
              label={`Documents of ${agent}`}
              columns={columnsFor(agent, may('documentRemove'))}
              rows={list}
              rowId={({ id }) => id}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

interface Outcome {
  name: string;
  text: string;
  tone: 'dim' | 'good' | 'bad';
}
function wordsOfAdded({ already, document }: DocumentAdded): string {
  if (already) return `it is here already, as ${document.name}`;
  const pictures =
    document.emptyPages > 0
      ? `; ${plural(document.emptyPages, 'page')} without text: pictures of text are not read`
      : '';
  return `${plural(document.chunks, 'part')} to remember${pictures}`;
}

function DropZone({ agent }: { agent: string }) {
  const [over, setOver] = useState(false);
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const add = useWork(
    (file: File) => {
      const form = new FormData();
      form.append('file', file, file.name);
      return call('documentAdd', { params: { agent }, form });
    },
    { stales: ['documents', 'audit'] },
  );
  /** One after the other: the coordinator reads one at a time. */
  const take = async (files: readonly File[]) => {
    const told: Outcome[] = files.map(({ name }) => ({ name, text: 'waits', tone: 'dim' }));
    const tell = (at: number, text: string, tone: Outcome['tone']) => {
      told[at] = { name: (files[at] as File).name, text, tone };
      setOutcomes([...told]);
    };
    for (const [at, file] of files.entries()) {
      tell(at, `is sent and read (${bytes(file.size)})`, 'dim');
      try {
        tell(at, wordsOfAdded(await add.run(file)), 'good');
      } catch (error) {
        tell(at, wordsOf(error), 'bad');
      }
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take([...event.dataTransfer.files]);
  };
  return (
    <>
      <label
        className={`drop-zone ${over ? 'over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <FileUp aria-hidden />
        <span>
          Drop files here, or <u>choose them</u>
        </span>
        <span className="dim small">PDF, Markdown, HTML or text</span>
        <input
          type="file"
          multiple
          accept={taken}
          aria-label={`Documents for ${agent}`}
          disabled={add.isPending}
          onChange={({ target }) => {
            void take([...(target.files ?? [])]);
            target.value = '';
          }}
        />
      </label>
      {outcomes.length > 0 && (
        <ul className="small" aria-live="polite">
          {outcomes.map(({ name, text, tone }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two dropped files may have one name, and none is ever moved
            <li key={at}>
              <strong>{name}</strong>: <span className={tone}>{text}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Stand({ document }: { document: DocumentView }) {
  const { type, waits, node, removing, written, chunks } = document;
  const all = plural(chunks, type === 'memories' ? 'memory' : 'part');
  if (waits === null) return all;
  const why = waitsInWords({ waits, node });
  if (removing) return <span className="dim">is erased: {why}</span>;
  return (
    <span className="stack tight">
      <progress value={written} max={chunks} aria-label={`${document.name}: parts written`} />
      <span className="dim small">
        {written.toLocaleString('en')} of {all}: {why}
      </span>
    </span>
  );
}

function columnsFor(agent: string, mayRemove: boolean): PlainColumn<DocumentView>[] {
  const columns: PlainColumn<DocumentView>[] = [
    {
      title: 'Document',
      // The file of an import is not kept.
      cell: ({ id, name, type, removing }) =>
        removing || type === 'memories' ? name : <DocumentLink agent={agent} place={{ id, name }} />,
    },
    {
      title: 'Size',
      cell: ({ pages, bytes: size }) => (pages === null ? bytes(size) : `${plural(pages, 'page')}, ${bytes(size)}`),
    },
    { title: 'In its memory', cell: (document) => <Stand document={document} /> },
    {
      title: 'Given',
      cell: ({ addedMs, by }) => (
        <>
          <Time at={addedMs} /> by {by}
        </>
      ),
    },
  ];
  if (mayRemove)
    columns.push({
      title: 'Take back',
      isTitleHidden: true,
      align: 'end',
      cell: (document) => <Remove document={document} />,
    });
  return columns;
}

function Remove({ document: { agent, id, name, removing } }: { document: DocumentView }) {
  const remove = useAct('documentRemove', { stales: ['documents', 'audit'], done: () => `${name} is taken back.` });
  if (removing) return null;
  return (
    <ConfirmButton
      look="quiet"
      icon={<Trash2 />}
      title={`Take ${name} back?`}
      text={`Its file goes at once, and its parts are erased from the memory of ${agent}. What ${agent} said from it stays.`}
      verb="Take it back"
      act={() => remove.run({ params: { agent, document: id } })}
      aria-label={`Take ${name} back`}
    />
  );
}
