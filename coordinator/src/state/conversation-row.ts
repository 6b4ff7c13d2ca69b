// The row of a conversation, and its tasks as they are read with it.
import type { Asker } from '@blackroad/protocol';
import type { EndedTask, TaskRow } from './rows.ts';

/** A conversation of a person with an agent. Its tasks name it, and only the store has those that have ended. */
export interface ConversationRow {
  readonly id: string;
  readonly space: string;
  /** The id of the agent. */
  readonly agent: string;
  /** Empty until the first message. */
  readonly title: string;
  /** Who began it, and alone goes on with it. */
  readonly by: Asker;
  /** Whether others may read it. */
  readonly isShared: boolean;
  readonly createdMs: number;
  /** The time of the last message. */
  readonly updatedMs: number;
  /** The number of its tasks. */
  readonly tasks: number;
}

/** A task of a conversation as it is read with the others: without its pictures, whose number and characters are told. */
export interface TaskOfConversation {
  readonly row: TaskRow | EndedTask;
  readonly pictures: number;
  readonly pictureCharacters: number;
}
