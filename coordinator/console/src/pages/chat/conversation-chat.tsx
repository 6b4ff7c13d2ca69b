// A conversation in the chat of its agent: read, and gone on with. Each message is a task of its own; the last exchanges go along with it,
// beside what the agent recalls.
import type { AgentView, ConversationTask, ConversationWhole } from '@blackroad/protocol';
import { MessageCircle } from 'lucide-react';
import { type DragEvent, useMemo, useRef, useState } from 'react';
import { call } from '../../data/api.ts';
import { type Place, sendMessage, useConversation } from '../../data/conversations.ts';
import { Button } from '../../kit/button.tsx';
import { Empty, Loaded } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';
import { isOpen } from '../tasks/task-states.ts';
import { Composer } from './composer.tsx';
import type { Acts } from './turn.tsx';
import { pathTo } from './turn-tree.ts';
import { Turns } from './turns.tsx';
import { useAttachments } from './use-attachments.ts';

/** Suggestions for a first message. */
const firstWords = ['Introduce yourself.', 'What can you help me with?', 'What do you remember about me?'];

interface ChatProps {
  agent: AgentView;
  /** The new conversation has an id now. */
  begun(id: string): void;
}
export function ConversationChat({ id, ...props }: ChatProps & { id: string }) {
  const read = useConversation(id);
  return <Loaded of={read}>{(whole) => <Chat {...props} whole={whole} />}</Loaded>;
}
export const NewChat = (props: ChatProps) => <Chat {...props} whole={null} />;

function Chat({ agent, begun, whole }: ChatProps & { whole: ConversationWhole | null }) {
  const [leaf, setLeaf] = useState<string | null>(null);
  const turns = useMemo(() => whole?.turns ?? [], [whole]);
  const path = useMemo(() => pathTo(turns, leaf), [turns, leaf]);
  const last = path.at(-1)?.turn;
  const { busy, problem, ask } = useAsking(agent, whole?.id ?? null, begun, setLeaf);
  const area = useRef<HTMLTextAreaElement>(null);
  const attachments = useAttachments(agent);
  const dropping = useDropping((files) => void attachments.add(files));
  const acts = useActs(ask);
  const send = async (prompt: string, images: string[]) => {
    const isSent = await ask(last?.id ?? null, prompt, images);
    area.current?.focus();
    return isSent;
  };
  const isOwn = whole === null || whole.isOwn;
  return (
    <div className={`chat-main ${dropping.isOver ? 'chat-drop' : ''}`} {...(isOwn ? dropping.on : {})}>
      <Turns
        conversation={whole?.id ?? ''}
        label={`Conversation with ${agent.name}`}
        {...{ agent, turns, path, setLeaf }}
        acts={isOwn ? acts : null}
      >
        {path.length === 0 && (
          <Empty title={`Say something to ${agent.name}`} icon={<MessageCircle />}>
            <p>
              What was said in a conversation goes along with the next message; what it remembers comes back to it in
              every one.
            </p>
            <div className="row wrap chat-first">
              {firstWords.map((words) => (
                <Button key={words} disabled={busy} onClick={() => void ask(null, words, [])}>
                  {words}
                </Button>
              ))}
            </div>
          </Empty>
        )}
      </Turns>
      {isOwn ? (
        <Composer {...{ agent, attachments, busy, problem, area, send }} open={last && isOpen(last) ? last.id : null} />
      ) : (
        <p className="chat-composer dim">
          It is of {whole.by.name}, who shares it: to go on, begin a conversation of your own.
        </p>
      )}
    </div>
  );
}

/** Sends a message; `problem` says why one was not sent. */
function useAsking(
  agent: AgentView,
  conversation: string | null,
  begun: (id: string) => void,
  setLeaf: (id: string) => void,
) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const ask = async (after: string | null, prompt: string, images: readonly string[]): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setProblem('');
    try {
      const place: Place = { conversation, after };
      const message = { prompt, ...(images.length > 0 ? { images: [...images] } : {}) };
      const sent = await sendMessage(agent.name, place, message);
      setLeaf(sent.task.id);
      if (conversation === null) begun(sent.conversation);
      return true;
    } catch (error) {
      setProblem(wordsOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, ask };
}

/** The same object as long as the page stands: hundreds of messages hold it. */
function useActs(ask: ReturnType<typeof useAsking>['ask']): Acts {
  const now = useRef(ask);
  now.current = ask;
  return useMemo(
    () => ({
      again: (turn: ConversationTask, prompt: string) =>
        void imagesOf(turn).then((images) => now.current(turn.after ?? null, prompt, images)),
    }),
    [],
  );
}
/** The pictures of a message are with its task alone. */
async function imagesOf({ id, pictures }: ConversationTask): Promise<readonly string[]> {
  if (pictures === 0) return [];
  return (await call('task', { params: { task: id } })).images ?? [];
}

function useDropping(take: (files: File[]) => void) {
  const [isOver, setOver] = useState(false);
  const over = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setOver(true);
  };
  const on = {
    onDragOver: over,
    onDragLeave: (event: DragEvent) => {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
    },
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      take([...event.dataTransfer.files]);
    },
  };
  return { isOver, on };
}
