// One message of a conversation and its answer: copied, edited, asked again, and why the answer is as it is. Another try of a message stands
// beside the first one; which is shown is chosen here.
import type { AgentView, ConversationTask } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { ChevronLeft, ChevronRight, FileText, Lightbulb, Pencil, RotateCcw } from 'lucide-react';
import { type KeyboardEvent, memo, useEffect, useRef, useState } from 'react';
import { putTurn } from '../../data/conversations.ts';
import { useFollowed } from '../../data/follow.ts';
import { useRoute } from '../../data/query.ts';
import { lineOfTask } from '../../data/task-rows.ts';
import { Time } from '../../fleet/time.tsx';
import { Button, IconButton } from '../../kit/button.tsx';
import { CopyButton } from '../../kit/copy-button.tsx';
import { plural } from '../../kit/words.ts';
import { isOpen } from '../tasks/task-states.ts';
import { splitFiles, withFiles } from './attached.ts';
import { pictureAddress } from './picture.ts';
import { Said, Speaking } from './spoken.tsx';
import type { Placed } from './turn-tree.ts';

/** What a person may do with a message of an own conversation. */
export interface Acts {
  /** Asks it beside the first try, with these words. */
  again(turn: ConversationTask, prompt: string): void;
}
interface TurnProps {
  conversation: string;
  agent: AgentView | null;
  placed: Placed<ConversationTask>;
  follow: boolean;
  /** Null where the reader may only read. */
  acts: Acts | null;
  /** Shows the conversation up to this try of the message. */
  choose: (id: string) => void;
  why: (id: string) => void;
}

export const Turn = memo(function Turn(props: TurnProps) {
  const { conversation, agent, placed, follow, acts, choose, why } = props;
  const { turn, tries } = placed;
  // What was followed keeps its tool calls when it has ended.
  const begun = useRef(false);
  begun.current ||= follow;
  const followed = useFollowed(begun.current ? turn.id : null);
  const now = followed?.task;
  useEffect(() => {
    if (now && (now.state !== turn.state || now.node !== turn.node)) putTurn(conversation, now);
  }, [conversation, now, turn.state, turn.node]);
  const open = isOpen(turn);
  const task = lineOfTask(turn);
  return (
    <article className="exchange" aria-label={`Message of ${new Date(turn.createdMs).toLocaleString()}`}>
      <Message {...{ turn, tries, acts, choose }} />
      <div className="said by-agent">
        <p className="said-name small">{turn.agent}</p>
        {open ? (
          <Speaking task={task} followed={followed} mayStop={false} />
        ) : (
          <Said agent={agent} task={task} whole={turn} parts={followed?.parts ?? []} mayRetry={false} />
        )}
        {!open && (
          <div className="row said-foot">
            {turn.result && <CopyButton text={turn.result} label="Copy the answer" />}
            {acts && (
              <IconButton label="Answer again" onClick={() => acts.again(turn, turn.prompt)}>
                <RotateCcw />
              </IconButton>
            )}
            <IconButton label="Why this answer" onClick={() => why(turn.id)}>
              <Lightbulb />
            </IconButton>
          </div>
        )}
      </div>
    </article>
  );
});

function Message({ turn, tries, acts, choose }: Pick<TurnProps, 'acts' | 'choose'> & Placed<ConversationTask>) {
  const [editing, setEditing] = useState(false);
  const { message, files } = splitFiles(turn.prompt);
  if (editing && acts) {
    const done = (words: string | null) => {
      setEditing(false);
      if (words !== null) acts.again(turn, withFiles(words, files));
    };
    return <Editing message={message} kept={files.length + turn.pictures} done={done} />;
  }
  return (
    <div className="said by-person">
      {turn.pictures > 0 && <Pictures task={turn.id} count={turn.pictures} />}
      {files.map(({ name, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two files may have one name, and none is ever moved
        <details key={i} className="said-file">
          <summary>
            <FileText aria-hidden="true" />
            {name}
          </summary>
          <pre>{text}</pre>
        </details>
      ))}
      {message && <p className="said-text">{message}</p>}
      <div className="row said-foot dim small">
        <Tries id={turn.id} tries={tries} choose={choose} />
        {acts && (
          <IconButton label="Edit and ask anew" onClick={() => setEditing(true)}>
            <Pencil />
          </IconButton>
        )}
        <Link to="/tasks/$task" params={{ task: turn.id }} className="quiet-link">
          <Time at={turn.createdMs} />
        </Link>
      </div>
    </div>
  );
}

function Tries({ id, tries, choose }: { id: string; tries: readonly string[]; choose(id: string): void }) {
  if (tries.length < 2) return null;
  const at = tries.indexOf(id);
  const step = (by: number, label: string, icon: React.ReactNode) => (
    <IconButton label={label} disabled={tries[at + by] === undefined} onClick={() => choose(tries[at + by] ?? id)}>
      {icon}
    </IconButton>
  );
  return (
    <span className="row chat-tries">
      {step(-1, 'The try before', <ChevronLeft />)}
      <span>
        <span className="sr-only">Try </span>
        {at + 1} of {tries.length}
      </span>
      {step(1, 'The next try', <ChevronRight />)}
    </span>
  );
}

function Editing({ message, kept, done }: { message: string; kept: number; done(words: string | null): void }) {
  const [words, setWords] = useState(message);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') done(null);
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (words.trim() !== '') done(words);
  };
  return (
    <div className="said by-person chat-editing">
      <textarea
        ref={area}
        className="input"
        aria-label="Edit the message"
        rows={Math.min(12, words.split('\n').length + 1)}
        value={words}
        onChange={(event) => setWords(event.target.value)}
        onKeyDown={onKey}
      />
      <div className="row wrap">
        {kept > 0 && <span className="dim small">{plural(kept, 'attachment')} kept</span>}
        <Button onClick={() => done(null)}>Cancel</Button>
        <Button look="primary" disabled={words.trim() === ''} onClick={() => done(words)}>
          Ask anew
        </Button>
      </div>
    </div>
  );
}

/** The pictures of a message are with its task alone. */
function Pictures({ task, count }: { task: string; count: number }) {
  const { data } = useRoute('task', { params: { task } }, { staleTime: Number.POSITIVE_INFINITY });
  if (!data?.images) return <p className="dim small">{plural(count, 'picture')}</p>;
  return (
    <p className="row wrap">
      {data.images.map((image, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pictures have no names, and none is ever moved
        <img key={i} className="chat-picture" src={pictureAddress(image)} alt={`Attachment ${i + 1}`} />
      ))}
    </p>
  );
}
