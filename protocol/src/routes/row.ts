// A row of the route table, and what rows of several subjects have in common.
import { AgentName } from '../ids.ts';
import { maxNoBodyBytes, maxPageRows, maxSmallBodyBytes } from '../limits.ts';
import type { Permission } from '../permissions.ts';
import { type TSchema, Type } from '../typebox.ts';

/** `open` needs no key: such a route checks a secret of its own, or answers nothing about the fleet. */
export type Needs = Permission | 'open';

export interface RouteRow {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** The permission that the caller must have; permissions.ts lists the roles that have it. */
  needs: Needs;
  /** Nodes, by a signature with their key, and machines with a join token may call it, too. */
  machines?: true;
  text: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  /** Most bytes of the body; missing: `maxSmallBodyBytes`, or `maxNoBodyBytes` for a route without a body. */
  bodyBytes?: number;
  /** The body is of any type, and is not read: the handler gets its bytes. */
  raw?: true;
  /** The body is a form whose file is written to the disk as it comes. */
  form?: boolean;
  /** The answer's schema: status 200, 201 where `created`; 204 where it is missing. */
  answer?: TSchema;
  created?: boolean;
  /** Answers server-sent events when asked for `text/event-stream`. */
  stream?: boolean;
  /** The API whose form its answers and errors have; missing: our own. */
  dialect?: 'openai' | 'anthropic' | 'ollama' | 'mcp';
}
export const route = <const R extends RouteRow>(row: R): R => row;

/** Most bytes that a request to this route may carry. */
export function bodyBytesOf(row: RouteRow): number {
  return row.bodyBytes ?? (row.body ? maxSmallBodyBytes : maxNoBodyBytes);
}

export const agentParams = Type.Object({ agent: AgentName });
export const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageRows, default: 100 })),
  before: Type.Optional(Type.String({ maxLength: 80, description: 'Rows older than this id.' })),
};
