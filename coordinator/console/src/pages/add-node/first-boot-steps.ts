// The first start of a Pi as a list: what it told with its join token, and what its node tells by itself since. In: both. Out: every step with how it
// stands, also those that are still to come. Pure.
import type { FirstBootView, NodeView } from '@blackroad/protocol';

export interface ListedStep {
  word: string;
  stand: 'done' | 'now' | 'bad' | 'later';
  text: string;
}
type Told = FirstBootView['steps'][number];

const words: Record<Told['step'], string> = {
  started: 'Started',
  grown: 'Fills the card',
  set: 'Set up',
  online: 'Online',
  joining: 'Joining',
  joined: 'Joined',
};

export function firstBootSteps(boot: FirstBootView, node: NodeView | null): ListedStep[] {
  const told = boot.steps.map(
    ({ step, text = '', problem }): ListedStep => ({
      word: words[step],
      stand: problem ? 'bad' : 'done',
      text,
    }),
  );
  const hasJoined = boot.node !== undefined;
  const toCome: [word: string, isDone: boolean, text: string][] = [
    ...(hasJoined ? [] : [[words.joined, false, ''] as [string, boolean, string]]),
    ['Heard of as a node', node?.presence === 'online', ''],
    ...(boot.ollama
      ? [['Ollama installed', hasOllama(node), hasOllama(node) ? '' : ollamaNote(node)] as [string, boolean, string]]
      : []),
    ['A model on it', chatModels(node).length > 0, chatModels(node)[0] ?? ''],
  ];
  const isReady = toCome.every(([, isDone]) => isDone);
  const listed = [...toCome, ['Ready', isReady, ''] as const];
  const next = listed.findIndex(([, isDone]) => !isDone);
  return [
    ...told,
    ...listed.map(
      ([word, isDone, text], at): ListedStep => ({
        word,
        stand: isDone ? 'done' : at === next && told.at(-1)?.stand !== 'bad' ? 'now' : 'later',
        text,
      }),
    ),
  ];
}

const hasOllama = (node: NodeView | null) => (node?.info?.runtimes ?? []).some((name) => name.startsWith('ollama'));
/** The node says how far it is, and what keeps it. */
const ollamaNote = (node: NodeView | null) => node?.info?.notes.find((note) => note.startsWith('Ollama ')) ?? '';
const chatModels = (node: NodeView | null) =>
  (node?.capacity?.models ?? []).filter(({ kind }) => kind === 'chat').map(({ name }) => name);
