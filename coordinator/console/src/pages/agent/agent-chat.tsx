// Talking with an agent. Each message is a task of its own; what connects them is the agent's memory. Tokens and tool calls
// are shown as they come; a broken connection is resumed, and the questions of others are in the same list.
import type { AgentView, TaskLine } from '@blackroad/protocol';
import { ChevronUp, MessageCircle, Send } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { askFollowed } from '../../data/follow.ts';
import { useMay } from '../../data/session.tsx';
import { useTaskPages } from '../../data/task-pages.ts';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Empty, Failure, Loading } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';
import { isOpen } from '../tasks/task-states.ts';
import { type Asking, Exchange } from './chat-exchange.tsx';

const perPage = 20;
/** A browser allows six connections to one host, and the page needs some of them. */
const followedAtOnce = 3;
/** Within this distance of the end, the list follows new text. */
const atEndPixels = 90;
/** Suggestions for a first message. */
const firstWords = ['Introduce yourself.', 'What can you help me with?', 'What do you remember about me?'];

export function AgentChat({ agent }: { agent: AgentView }) {
  const may = useMay();
  const { rows, whole, error, retry, older, busy } = useTaskPages({ agent: agent.name }, perPage);
  const exchanges = [...rows].reverse();
  const [newest] = rows;
  const followed = new Set(
    rows
      .filter(isOpen)
      .slice(0, followedAtOnce)
      .map(({ id }) => id),
  );
  const { list, onScroll, toEnd } = useEnd(exchanges);
  const composer = useComposer(agent.name, toEnd);
  const asking = may('ask') ? composer.asking : null;
  return (
    <Panel bare className="chat">
      <div
        ref={list}
        className="chat-list"
        role="log"
        aria-label={`Conversation with ${agent.name}`}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with keys
        tabIndex={0}
        onScroll={onScroll}
      >
        {error && <Failure error={error} retry={retry} />}
        {!whole && !error && <Loading lines={4} label="Loading earlier messages" />}
        {older && (
          <div className="chat-older">
            <Button look="quiet" icon={<ChevronUp />} busy={busy} onClick={older}>
              Earlier
            </Button>
          </div>
        )}
        {whole && exchanges.length === 0 && (
          <Empty title={`Say something to ${agent.name}`} icon={<MessageCircle />}>
            <p>
              {may('ask')
                ? 'Each message is a task of its own; what was said before comes back to it from its memory.'
                : 'Nobody has asked it anything yet.'}
            </p>
            {asking && (
              <div className="row wrap chat-first">
                {firstWords.map((words) => (
                  <Button key={words} onClick={() => asking.again(words)}>
                    {words}
                  </Button>
                ))}
              </div>
            )}
          </Empty>
        )}
        {exchanges.map((task) => (
          <Exchange key={task.id} agent={agent} task={task} follow={followed.has(task.id)} ask={asking} />
        ))}
      </div>
      <p className="sr-only" role="status">
        {newest && !isOpen(newest) && `${agent.name}: ${newest.result ?? newest.problem ?? newest.state}`}
      </p>
      {may('ask') && <Composer agent={agent} open={rows.filter(isOpen).length} {...composer} />}
    </Panel>
  );
}

/** Keeps the end in view while text arrives, unless the person has scrolled up. */
function useEnd(exchanges: readonly TaskLine[]) {
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const toEnd = () => {
    atEnd.current = true;
    list.current?.scrollTo({ top: list.current.scrollHeight });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new exchange may have come
  useLayoutEffect(() => {
    if (atEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [exchanges.length]);
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const grown = new MutationObserver(() => {
      if (atEnd.current) element.scrollTo({ top: element.scrollHeight });
    });
    grown.observe(element, { childList: true, subtree: true, characterData: true });
    return () => grown.disconnect();
  }, []);
  const onScroll = () => {
    const { current } = list;
    if (current) atEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < atEndPixels;
  };
  return { list, onScroll, toEnd };
}

/** A message as it is written and sent; what was asked before can be taken up again from elsewhere on the page. */
function useComposer(agent: string, sent: () => void) {
  const [prompt, setPrompt] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);
  const ask = async (asked: string): Promise<boolean> => {
    if (asked === '' || busy) return false;
    setBusy(true);
    setProblem('');
    try {
      await askFollowed(agent, asked);
      sent();
      return true;
    } catch (error) {
      setProblem(wordsOf(error));
      return false;
    } finally {
      setBusy(false);
      area.current?.focus();
    }
  };
  const now = useRef(ask);
  now.current = ask;
  // The same object as long as the page stands: hundreds of exchanges hold it.
  const asking = useMemo<Asking>(
    () => ({
      again: (words) => void now.current(words),
      edit(words) {
        setPrompt(words);
        area.current?.focus();
      },
    }),
    [],
  );
  return { prompt, setPrompt, busy, problem, area, ask, asking };
}

type Writing = Omit<ReturnType<typeof useComposer>, 'asking'>;
function Composer({
  agent,
  open,
  prompt,
  setPrompt,
  busy,
  problem,
  area,
  ask,
}: Writing & { agent: AgentView; open: number }) {
  const send = async (event?: FormEvent) => {
    event?.preventDefault();
    if (await ask(prompt.trim())) setPrompt('');
  };
  useEffect(() => {
    // Where a keyboard of glass would cover half of the page, the person opens it.
    if (matchMedia('(pointer: fine)').matches) area.current?.focus({ preventScroll: true });
  }, [area]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };
  const asleep = agent.state === 'unplaced' || agent.state === 'waiting' || agent.state === 'failed';
  return (
    <form className="chat-composer" onSubmit={send}>
      {problem && (
        <p className="bad small" role="alert">
          {problem}
        </p>
      )}
      {asleep && <p className="warn small">It is on no node that works now: what you send waits until it is.</p>}
      <div className="row chat-row">
        <textarea
          ref={area}
          className="input"
          aria-label={`Message to ${agent.name}`}
          placeholder={`Message to ${agent.name}`}
          rows={Math.min(8, prompt.split('\n').length)}
          value={prompt}
          onChange={(event) => setPrompt(event.target.value)}
          onKeyDown={onKey}
        />
        <Button type="submit" look="primary" icon={<Send />} busy={busy} disabled={prompt.trim() === ''}>
          Send
        </Button>
      </div>
      <p className="dim small only-wide">
        Enter sends, Shift Enter begins a line.
        {open > agent.spec.concurrency && ` It works on ${agent.spec.concurrency} at a time; ${open} are open.`}
      </p>
    </form>
  );
}
