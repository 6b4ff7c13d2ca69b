// One question to an agent, from its submission to its end: the words as they come, and the task cancelled where the person takes it back. In: a
// client and the question. Out: text to show, and a last line on how it ended.
import type { TaskChunk, TaskStreamEvent, TaskView } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Client } from '../../../coordinator/cli/src/client.ts';
import { faultWords } from './fault-words.ts';

/** So long the end of a cancelled task is waited for. */
const cancelMs = 5_000;

interface Question {
  agent: string;
  prompt: string;
}
interface Asking {
  clock: Clock;
  /** The person takes the question back. */
  signal: AbortSignal;
  say(text: string): void;
}
interface Ended {
  isAnswered: boolean;
  words: string;
}

export async function askAgent(client: Client, { agent, prompt }: Question, asking: Asking): Promise<Ended> {
  const { clock, signal, say } = asking;
  const close = new AbortController();
  const answer = new Answer(say);
  let id: string | null = null;
  let refusal: string | null = null;
  const cancel = () => {
    if (id === null) return;
    clock.after(cancelMs, () => close.abort());
    client.call('taskCancel', { params: { task: id } }).catch((error: unknown) => {
      // It goes on at the fleet: the person is told, and does not wait for it.
      refusal = `The task goes on: ${faultWords(error)}`;
      close.abort();
    });
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const event of client.stream('ask', { params: { agent }, body: { prompt } }, close.signal)) {
      if (event.event === 'end') return answer.end(event.data);
      if (event.event === 'task' && id === null) {
        id = event.data.id;
        if (signal.aborted) cancel();
      }
      answer.take(event);
    }
    return { isAnswered: false, words: refusal ?? `The task ${id ?? ''} was left.` };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** What has been shown of the answer; pieces may be missing, the end has the whole text. */
class Answer {
  readonly #say: (text: string) => void;
  #attempt = 0;
  #shown = '';

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  take(event: Exclude<TaskStreamEvent, { event: 'end' }>): void {
    if (event.event === 'chunk') this.#piece(event.data);
    else if (event.data.waiting) this.#say(`[${event.data.waiting}]\n`);
  }
  #piece({ attempt, text, tool, retract }: TaskChunk): void {
    if (attempt !== this.#attempt) {
      if (this.#shown !== '') this.#say('\n[the answer begins anew]\n');
      this.#attempt = attempt;
      this.#shown = '';
    }
    if (tool !== undefined) this.#say(`\n[uses the tool ${tool}]\n`);
    if (retract) {
      this.#say('\n[what was said so far was thought, and no answer]\n');
      this.#shown = '';
      return;
    }
    this.#shown += text;
    this.#say(text);
  }
  end({ state, result, problem, node, createdMs, endedMs, truncated }: TaskView): Ended {
    if (state !== 'done') return { isAnswered: false, words: `${problem?.text ?? `The task ended: ${state}.`}` };
    const whole = result ?? '';
    if (whole.startsWith(this.#shown)) this.#say(whole.slice(this.#shown.length));
    else this.#say(`\n[the whole answer]\n${whole}`);
    const seconds = (((endedMs ?? createdMs) - createdMs) / 1000).toFixed(1);
    const cut = truncated ? ' The model stopped at its limit of tokens.' : '';
    return { isAnswered: true, words: `Answered on ${node ?? 'a node'} after ${seconds} s.${cut}` };
  }
}
