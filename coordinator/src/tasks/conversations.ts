// Conversations of people with agents: begun, named, shared and deleted by their owner, and continued by tasks. The exchanges before a message
// go along with it, so that those who ask one agent do not share what they said. Every number of them is bounded, and a bound says so.
import {
  askerOf,
  type Exchange,
  lengthOf,
  maxConversationChars,
  maxConversations,
  maxConversationsPerOwner,
  maxTasksPerConversation,
  type Principal,
  plainLine,
  type TaskRequest,
} from '@blackroad/protocol';
import { isGood } from '../fleet/access.ts';
import type { ConversationRow, TaskOfConversation } from '../state/conversation-row.ts';
import { type Decision, refuse } from '../state/decision.ts';
import { change, type Draft, decided, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { isEnded } from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';
import { lastExchanges } from './exchanges.ts';

/**
 * Whether a conversation is of the principal: begun with its key, or with an earlier key of its name that is no longer good. An admin who
 * gives out a name anew gives out its conversations.
 */
export function owns(view: View, { by: owner, space }: ConversationRow, by: Principal, nowMs: number): boolean {
  if (space !== by.space || (by.kind !== 'key' && by.kind !== 'session')) return false;
  if (owner.id === by.id) return true;
  const key = owner.id === null ? undefined : view.keys.get(owner.id);
  return owner.name === by.name && owner.id !== null && !(key && isGood(key, nowMs));
}
export function mayRead(view: View, row: ConversationRow, by: Principal, nowMs: number): boolean {
  return owns(view, row, by, nowMs) || (row.isShared && row.space === by.space);
}

const none = <A>(id: string): Decision<A> =>
  refuse('no-such-conversation', `There is no conversation ${id} of yours; it may have been deleted.`);
function ownOr(view: View, id: string, by: Principal | null, nowMs: number): ConversationRow | null {
  const row = view.conversations.get(id);
  return row && by && owns(view, row, by, nowMs) ? row : null;
}

export const openConversation: Decide<'conversation-open'> = (view, { by, id, agent, title = '' }, nowMs) => {
  if (view.conversations.size >= maxConversations)
    return refuse(
      'fleet-full',
      `The fleet has ${maxConversations} conversations, the most that it keeps: delete some.`,
    );
  let own = 0;
  for (const row of view.conversations.values()) if (owns(view, row, by, nowMs)) own++;
  if (own >= maxConversationsPerOwner)
    return refuse('fleet-full', `You have ${own} conversations, the most that are kept: delete one first.`);
  const draft = openDraft(view, nowMs);
  const times = { createdMs: nowMs, updatedMs: nowMs };
  const row = { id, space: by.space, agent, title, by: askerOf(by), isShared: false, ...times, tasks: 0 };
  change(draft, { type: 'conversation', row });
  return decided(draft);
};

export const editConversation: Decide<'conversation-edit'> = (view, { by, id, ...edit }, nowMs) => {
  const row = ownOr(view, id, by, nowMs);
  if (!row) return none(id);
  const { title = row.title, isShared = row.isShared } = edit;
  const draft = openDraft(view, nowMs);
  if (title !== row.title || isShared !== row.isShared)
    change(draft, { type: 'conversation', row: { ...row, title, isShared } });
  if (isShared !== row.isShared)
    noteAudit(draft, by, isShared ? 'conversation-share' : 'conversation-unshare', {
      conversation: id,
      agent: row.agent,
    });
  return decided(draft);
};

export const deleteConversation: Decide<'conversation-delete'> = (view, { by, id }, nowMs) => {
  const row = ownOr(view, id, by, nowMs);
  if (!row) return none(id);
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'conversation-gone', id });
  noteAudit(draft, by, 'conversation-delete', { conversation: id, agent: row.agent });
  return decided(draft);
};

/** The place of a new task in its conversation. */
interface Continued {
  row: ConversationRow;
  conversation: string;
  after?: string;
  turns: Exchange[];
}
interface Asked {
  by: Principal | null;
  agent: string;
  request: TaskRequest;
  said: readonly TaskOfConversation[];
}
/** Where a message belongs in its conversation, and what was said before it; or why it does not. */
export function continued(draft: Draft, { by, agent, request, said }: Asked): Continued | { refused: Decision<never> } {
  const { view, nowMs } = draft;
  const { id, after } = request.conversation as NonNullable<TaskRequest['conversation']>;
  const row = ownOr(view, id, by, nowMs);
  const refused = (detail: string) => ({ refused: refuse<never>('conflict', detail) });
  if (!row) return { refused: none(id) };
  if (row.agent !== agent) return refused(`The conversation ${id} is one with ${agentNameOf(draft, row.agent)}.`);
  if (request.turns !== undefined)
    return {
      refused: refuse(
        'invalid-request',
        `body: turns: expected none beside conversation, which has its own, got ${request.turns.length}`,
      ),
    };
  if (row.tasks >= maxTasksPerConversation)
    return refused(`This conversation has ${row.tasks} messages, the most that one may have: begin a new one.`);
  if (charactersOfAll(said) + request.prompt.length + lengthOf(request.images) > maxConversationChars)
    return refused(
      `This conversation has ${maxConversationChars} characters, the most that one may have: begin a new one.`,
    );
  const before = after === undefined ? newestOf(draft, row, said) : after;
  if (before === null) return { ...placed(row, request, nowMs), turns: [] };
  const known = said.find((each) => each.row.id === before);
  if (draft.tasks.has(before) || (known && !isEnded(known.row)))
    return refused('The message before this one is not answered yet: wait for the answer, or stop it.');
  if (!known) return refused(`The conversation ${id} has no task ${before} that a message could follow.`);
  return { ...placed(row, request, nowMs), after: before, turns: lastExchanges(exchangesUpTo(said, before)) };
}

function placed(row: ConversationRow, { prompt }: TaskRequest, nowMs: number): Omit<Continued, 'turns'> {
  const title = row.title === '' ? titleOf(prompt) : row.title;
  return { conversation: row.id, row: { ...row, title, updatedMs: nowMs, tasks: row.tasks + 1 } };
}

/** The id of its newest task, which may be one that is not stored yet; null: it has none. */
function newestOf({ view }: Draft, { id, agent }: ConversationRow, said: readonly TaskOfConversation[]): string | null {
  const work = view.work.get(agent);
  const live = [...(work?.waiting ?? []), ...(work?.leased ?? [])].filter(
    (task) => view.tasks.get(task)?.conversation === id,
  );
  return [...live, ...said.map(({ row }) => row.id)].sort().at(-1) ?? null;
}

/** The answered messages from the beginning to this task, along the tasks that each followed. */
function exchangesUpTo(said: readonly TaskOfConversation[], last: string): Exchange[] {
  const byId = new Map(said.map(({ row }) => [row.id, row]));
  const exchanges: Exchange[] = [];
  for (let row = byId.get(last), steps = 0; row && steps < maxTasksPerConversation; steps++) {
    if (isEnded(row) && row.result) exchanges.unshift({ said: row.prompt, answered: row.result });
    row = row.after === undefined ? undefined : byId.get(row.after);
  }
  return exchanges;
}
function charactersOfAll(said: readonly TaskOfConversation[]): number {
  return said.reduce(
    (sum, { row, pictureCharacters }) =>
      sum + row.prompt.length + pictureCharacters + (isEnded(row) ? (row.result?.length ?? 0) : 0),
    0,
  );
}

/** Characters of a title that is made from a message: a line of the list. */
const madeTitleChars = 60;
function titleOf(prompt: string): string {
  const line = plainLine(prompt);
  return line.length <= madeTitleChars
    ? line || 'Without words'
    : `${line.slice(0, madeTitleChars).trimEnd().toWellFormed()}…`;
}
