// Verbs for one's own conversations with agents. A message of one is `ask --conversation`.
import { type ConversationTask, counted } from '@blackroad/protocol';
import { argument, textFlag, type Verb, type VerbCall } from '../verb.ts';
import { ago, table } from '../words.ts';

/** The conversation that `ask --conversation` means; a new one is begun, and its id is said. */
export async function conversationFor(call: VerbCall, agent: string): Promise<string | undefined> {
  const id = textFlag(call, 'conversation');
  if (id !== 'new') return id;
  const begun = await call.client().call('conversationOpen', { body: { agent } });
  if (!call.json)
    call.note(`Conversation ${begun.id}: go on with ${call.as.fleet(`ask ${agent} --conversation ${begun.id} ...`)}`);
  return begun.id;
}

function inWords({ agent, prompt, result, state, problem }: ConversationTask, call: VerbCall): string {
  const answer = result ?? `(${state}${problem ? `: ${problem.text}` : ''})`;
  return `${call.paint('bold', 'you')}  ${prompt}\n${call.paint('bold', agent)}  ${answer}`;
}

export const conversationVerbs: Verb[] = [
  {
    words: 'conversations',
    args: '',
    text: 'Lists your conversations, the one with the newest message first.',
    flags: { agent: { type: 'string', value: '<agent>', text: 'Only those with this agent.' } },
    async run(call) {
      const agent = textFlag(call, 'agent');
      const all = await call.client().call('conversations', { query: agent ? { agent } : {} });
      const rows = all.map(({ id, agent, title, updatedMs, tasks, isShared }) => [
        id,
        agent,
        String(tasks),
        ago(updatedMs, call.clock.nowMs()),
        isShared ? 'yes' : '-',
        title,
      ]);
      call.show(all, () =>
        all.length === 0
          ? `No conversations. Begin one: ${call.as.fleet('ask <agent> --conversation new <text...>')}`
          : table(['CONVERSATION', 'AGENT', 'MESSAGES', 'LAST', 'SHARED', 'TITLE'], rows, call.columns, call.paint),
      );
    },
  },
  {
    words: 'conversations show',
    args: '<conversation>',
    text: 'What was said in a conversation of yours, or in one that is shared; every try of a message.',
    async run(call) {
      const params = { conversation: argument(call, 0, '<conversation>') };
      const whole = await call.client().call('conversation', { params });
      call.show(whole, () =>
        whole.turns.length === 0
          ? 'Nothing was said yet.'
          : [
              `${whole.title} (${counted(whole.tasks, 'message')})`,
              ...whole.turns.map((turn) => inWords(turn, call)),
            ].join('\n\n'),
      );
    },
  },
  {
    words: 'conversations delete',
    args: '<conversation>',
    text: 'Deletes a conversation of yours. The agent keeps what it remembers of it.',
    async run(call) {
      const params = { conversation: argument(call, 0, '<conversation>') };
      await call.client().call('conversationDelete', { params });
      call.show({ deleted: params.conversation }, () => 'The conversation is deleted.');
    },
  },
];
