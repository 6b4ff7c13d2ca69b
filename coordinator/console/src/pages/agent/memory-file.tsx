// The memory of an agent as one file: a link that saves it, and a place to import one.
import type { MemoryImported } from '@blackroad/protocol';
import { Download, FileInput } from 'lucide-react';
import { useState } from 'react';
import { addressOf, call } from '../../data/api.ts';
import { useWork } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { plural, wordsOf } from '../../kit/words.ts';

export function ExportMemory({ agent, empty }: { agent: string; empty: boolean }) {
  if (empty) return null;
  const address = addressOf('memoryExport', { params: { agent } });
  return (
    <a className="button" href={address} download={`${agent}.memory.jsonl`}>
      <Download aria-hidden /> Export
    </a>
  );
}

function brought({ document, already, left }: MemoryImported): string {
  const said = document ? `${plural(document.chunks, 'memory')} to remember` : 'Nothing in it is new';
  const known = already > 0 ? `, ${already.toLocaleString('en')} are here already` : '';
  const rest = left > 0 ? `, ${left.toLocaleString('en')} are left: import it again when these are written` : '';
  return `${said}${known}${rest}.`;
}

export function ImportMemory({ agent }: { agent: string }) {
  const may = useMay();
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState('');
  const [answer, setAnswer] = useState<MemoryImported | null>(null);
  const bring = useWork(
    (file: File) => {
      const form = new FormData();
      form.append('file', file, file.name);
      return call('memoryImport', { params: { agent }, form });
    },
    { stales: ['documents', 'audit'] },
  );
  if (!may('memoryImport')) return null;
  const change = (now: boolean) => {
    setOpen(now);
    setFault('');
    setAnswer(null);
  };
  const take = async (file: File | undefined) => {
    if (!file) return;
    change(true);
    try {
      setAnswer(await bring.run(file));
    } catch (error) {
      setFault(wordsOf(error));
    }
  };
  return (
    <>
      <Button icon={<FileInput />} onClick={() => change(true)}>
        Import
      </Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title={`Import memories into ${agent}`}
        text="A file that Export saved, or a JSONL journal with a hash chain. Its hashes are recomputed; each memory comes once, and below Documents it can be taken back."
      >
        <div className="stack">
          <input
            type="file"
            accept=".jsonl,.ndjson,.json,.txt"
            aria-label={`Memories for ${agent}`}
            disabled={bring.isPending}
            onChange={({ target }) => {
              void take(target.files?.[0]);
              target.value = '';
            }}
          />
          <Fault text={fault} />
          <div role="status" className="stack">
            {bring.isPending && <p className="dim">It is sent and recomputed.</p>}
            {answer && <Outcome answer={answer} />}
          </div>
        </div>
      </Dialog>
    </>
  );
}

function Outcome({ answer }: { answer: MemoryImported }) {
  const { isWhole, fault, faults, faultyLines } = answer;
  return (
    <>
      <p>{brought(answer)}</p>
      {!isWhole && (
        <>
          <p>Not all of it verifies{fault ? `: ${fault}` : ''}.</p>
          <ul className="small">
            {faults.map(({ line, text }) => (
              <li key={line}>
                Line {line}: {text}
              </li>
            ))}
            {faultyLines > faults.length && <li>And {plural(faultyLines - faults.length, 'more line')}.</li>}
          </ul>
        </>
      )}
    </>
  );
}
