// A conversation of a person with an agent: a name for tasks that follow one another. The texts are those of the tasks, which are kept as
// long as their conversation. A message that is edited or asked again follows the same task as before: a conversation is a tree of tasks.
import { AgentName, ConversationId, TimeMs, Title } from './ids.ts';
import { maxTasksPerConversation } from './limits.ts';
import { Asker } from './principal.ts';
import { TaskView } from './task.ts';
import { type Static, Type } from './typebox.ts';

export const ConversationOpen = Type.Object(
  {
    agent: AgentName,
    title: Type.Optional(Title),
  },
  { additionalProperties: false },
);
export const ConversationEdit = Type.Object(
  {
    title: Type.Optional(Title),
    isShared: Type.Optional(Type.Boolean({ description: 'Whether others who are signed in may read it by its link.' })),
  },
  { additionalProperties: false },
);

export const ConversationView = Type.Object({
  id: ConversationId,
  agent: AgentName,
  title: Type.String({ description: 'Empty before the first message.' }),
  by: Asker,
  isOwn: Type.Boolean({
    description: 'It is of who asks: only its owner goes on with it, names, shares and deletes it.',
  }),
  isShared: Type.Boolean(),
  createdMs: TimeMs,
  updatedMs: TimeMs,
  tasks: Type.Integer({ description: `Of ${maxTasksPerConversation} that it may have.` }),
});
export type ConversationView = Static<typeof ConversationView>;

/** A task of a conversation: whole, except for its pictures and its trace, which the task itself has. */
export const ConversationTask = Type.Object({
  ...TaskView.properties,
  pictures: Type.Integer({ description: 'How many came with the prompt.' }),
});
export type ConversationTask = Static<typeof ConversationTask>;
export const ConversationWhole = Type.Object({
  ...ConversationView.properties,
  turns: Type.Array(ConversationTask, { description: 'Oldest first; each follows the one that `after` names.' }),
});
export type ConversationWhole = Static<typeof ConversationWhole>;
