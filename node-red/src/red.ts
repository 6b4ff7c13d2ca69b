// What these nodes use of Node-RED's runtime, as types: Node-RED 3, 4 and 5 have it.

export interface Message {
  _msgid?: string;
  payload?: unknown;
  [name: string]: unknown;
}
export interface Status {
  fill: 'red' | 'green' | 'yellow' | 'blue' | 'grey';
  shape: 'dot' | 'ring';
  text: string;
}
/** One entry an output: a message, or none. */
type Sent = readonly (Message | null)[];
export type Send = (messages: Sent) => void;
export type Done = (error?: Error) => void;

export interface RedNode {
  id: string;
  name?: string;
  credentials?: Record<string, unknown>;
  on(event: 'input', run: (message: Message, send: Send, done: Done) => void): void;
  on(event: 'close', run: (isRemoved: boolean, done: () => void) => void): void;
  send: Send;
  /** With a message: for nodes of the kind catch, too. */
  error(text: string, message?: Message): void;
  warn(text: string): void;
  status(status: Status): void;
  context(): { get(key: string): unknown; set(key: string, value: unknown): void };
}
interface AdminRequest {
  params: Record<string, string>;
}
interface AdminResponse {
  json(body: object): void;
}
export interface Red {
  nodes: {
    createNode(node: RedNode, config: object): void;
    getNode(id: string): unknown;
    registerType<C extends object>(
      type: string,
      build: (this: RedNode, config: C) => void,
      options?: { credentials: Record<string, { type: 'text' | 'password' }> },
    ): void;
  };
  /** The routes of the editor. */
  httpAdmin: {
    get(path: string, mayRead: unknown, handler: (request: AdminRequest, response: AdminResponse) => void): void;
  };
  auth: { needsPermission(permission: string): unknown };
  util: { cloneMessage(message: Message): Message };
}
