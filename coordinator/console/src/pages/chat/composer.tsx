// The message that is being written, with what is attached to it.
import type { AgentView } from '@blackroad/protocol';
import { maxPromptBytes } from '@blackroad/protocol/limits';
import { FileText, Paperclip, Send, Square, X } from 'lucide-react';
import {
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Button, IconButton } from '../../kit/button.tsx';
import { count } from '../../kit/words.ts';
import { withFiles } from './attached.ts';
import { pictureAddress } from './picture.ts';
import type { Attachments } from './use-attachments.ts';

interface ComposerProps {
  agent: AgentView;
  attachments: Attachments;
  /** The message before it whose answer is not whole yet; null: none. */
  open: string | null;
  busy: boolean;
  problem: string;
  area: RefObject<HTMLTextAreaElement | null>;
  /** Resolves with whether it was sent. */
  send(prompt: string, images: string[]): Promise<boolean>;
}

export function Composer({ agent, attachments, open, busy, problem, area, send }: ComposerProps) {
  const [words, setWords] = useState('');
  useEffect(() => {
    // Where a keyboard of glass would cover half of the page, the person opens it.
    if (matchMedia('(pointer: fine)').matches) area.current?.focus({ preventScroll: true });
  }, [area]);
  const prompt = withFiles(words, attachments.files);
  const over = prompt.length - maxPromptBytes;
  const isReady = prompt !== '' && over <= 0 && open === null;
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!isReady || busy) return;
    if (!(await send(prompt, await attachments.encoded()))) return;
    setWords('');
    attachments.clear();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void submit();
  };
  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    void attachments.add([...event.clipboardData.files]);
  };
  const asleep = agent.state === 'unplaced' || agent.state === 'waiting' || agent.state === 'failed';
  const faults = [
    ...attachments.problems,
    ...(over > 0
      ? [`${count(over)} characters too many: a message with its files has ${count(maxPromptBytes)} at most.`]
      : []),
    ...(problem ? [problem] : []),
  ];
  return (
    <form className="chat-composer" onSubmit={submit}>
      {faults.length > 0 && (
        <div className="bad small" role="alert">
          {faults.map((fault) => (
            <p key={fault}>{fault}</p>
          ))}
        </div>
      )}
      {asleep && <p className="warn small">It is on no node that works now: what you send waits until it is.</p>}
      <Attached {...attachments} />
      <div className="row chat-row">
        <AttachButton add={attachments.add} />
        <textarea
          ref={area}
          className="input"
          aria-label={`Message to ${agent.name}`}
          placeholder={`Message to ${agent.name}`}
          rows={Math.min(8, words.split('\n').length)}
          value={words}
          onChange={(event) => setWords(event.target.value)}
          onKeyDown={onKey}
          onPaste={onPaste}
        />
        {open === null ? (
          <Button type="submit" look="primary" icon={<Send />} busy={busy} disabled={!isReady}>
            Send
          </Button>
        ) : (
          <StopButton task={open} />
        )}
      </div>
      <p className="dim small only-wide">
        Enter sends, Shift Enter begins a line. Text files and pictures can be dropped or pasted here.
      </p>
    </form>
  );
}

function StopButton({ task }: { task: string }) {
  const may = useMay();
  const cancel = useAct('taskCancel', { done: () => null });
  if (!may('taskCancel'))
    return (
      <Button look="primary" icon={<Send />} disabled>
        Send
      </Button>
    );
  return (
    <Button icon={<Square />} busy={cancel.isPending} onClick={() => cancel.mutate({ params: { task } })}>
      Stop
    </Button>
  );
}

function AttachButton({ add }: Pick<Attachments, 'add'>) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton label="Attach text files or pictures" onClick={() => input.current?.click()}>
        <Paperclip />
      </IconButton>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={(event) => {
          void add([...(event.target.files ?? [])]);
          // The same file may be chosen again after it was taken out.
          event.target.value = '';
        }}
      />
    </>
  );
}

function Attached({ files, pictures, drop }: Pick<Attachments, 'files' | 'pictures' | 'drop'>) {
  if (files.length + pictures.length === 0) return null;
  return (
    <ul className="row wrap chat-attached" aria-label="Attachments">
      {files.map(({ id, name, text }) => (
        <li key={id} className="row">
          <FileText aria-hidden="true" />
          <span className="chat-attached-name">{name}</span>
          <span className="dim small">{count(text.length)} characters</span>
          <IconButton label={`Take ${name} out`} onClick={() => drop(id)}>
            <X />
          </IconButton>
        </li>
      ))}
      {pictures.map(({ id, name, preview }) => (
        <li key={id} className="row">
          <img src={pictureAddress(preview)} alt="" />
          <span className="chat-attached-name">{name}</span>
          <IconButton label={`Take ${name} out`} onClick={() => drop(id)}>
            <X />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
