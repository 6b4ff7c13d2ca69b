// The one way in which the nodes of a flow reach the fleet: over HTTP, or over MQTT 5. One suite runs on both (test/e2e/node-red.test.ts). What
// goes wrong is thrown as a Trouble.
import type { FleetEvent, TaskUsage } from '@blackroad/protocol';
import type { Trouble } from './trouble.ts';

export interface Question {
  agent: string;
  prompt: string;
  /** So long the answer is worth something. */
  seconds: number;
}
/** A piece of an answer as it is written. */
export interface Piece {
  task: string;
  /** Each begins anew at 0. */
  attempt: number;
  /** Characters of this attempt before it. */
  from: number;
  text: string;
  /** What was said from `from` on is no answer: it is taken back. */
  isTakenBack: boolean;
  /** A call of this tool began. */
  tool: string | null;
}
export interface Answer {
  text: string;
  task: string | null;
  node: string | null;
  isTruncated: boolean;
  usage: TaskUsage | null;
}

export const actions = ['cordon', 'uncordon', 'drain', 'undrain', 'identify', 'restart'] as const;
export type Action = (typeof actions)[number];
export interface Done {
  node: string;
  action: Action;
  text: string;
  /** How the node is after it; null where that was not told. */
  cordoned: boolean | null;
  draining: boolean | null;
}

/** An event as a flow gets it. Over MQTT it has no number. */
export type Told = Omit<FleetEvent, 'id' | 'type'> & { id: number | null; type: string };
/** Events that are not told, in words. */
export interface Gap {
  text: string;
  /** The numbers of those between which they are; null: not known. */
  after: number | null;
  before: number | null;
}
export interface Listener {
  /** The number of the last event that it has; null: from now on. The door counts it on. */
  after: number | null;
  onEvent(event: Told): void;
  onGap(gap: Gap): void;
  /** Null: it hears events. */
  onTrouble(error: Error | null): void;
}

interface Names {
  agents: string[];
  nodes: string[];
}
export interface Door {
  /** Looks whether the fleet is there and knows the key. Resolves with who one is there. */
  check(signal: AbortSignal): Promise<string>;
  /** `signal`: nobody wants the answer any more; the task is cancelled where that can be. */
  ask(question: Question, onPiece: (piece: Piece) => void, signal: AbortSignal): Promise<Answer>;
  /** Names of agents and nodes for the dialogs of the editor, the first of them; none where the key may not read them. */
  names(signal: AbortSignal): Promise<Names>;
  control(node: string, action: Action, signal: AbortSignal): Promise<Done>;
  /** Returns what ends it. */
  listen(listener: Listener): () => void;
  /** Called when a connection that there was is lost. Over HTTP there is none between requests. */
  whenLost(run: (trouble: Trouble) => void): void;
  close(): void;
}
