// A tool of the MCP door: its name, what it takes and gives as schemas, what is true of it, and the function of a call. One subject a file in
// tools/. A tool has no way to the fleet but the API's own routes, with the rights of whoever asks, and the submission of a task.
import type {
  Permission,
  Principal,
  RouteAnswer,
  RouteBody,
  RouteName,
  RouteParams,
  RouteQuery,
  Static,
  TSchema,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Coordinator } from '../road/coordinator.ts';

export interface Asked<N extends RouteName> {
  params?: RouteParams<N>;
  query?: RouteQuery<N>;
  body?: RouteBody<N>;
}
/** Asks a route of the API as the caller, in this process. @throws FleetError as the route does, and where the caller lacks its permission */
export type AskRoute = <N extends RouteName>(name: N, asked?: Asked<N>) => Promise<RouteAnswer<N>>;

export interface McpAsker {
  by: Principal;
  ask: AskRoute;
  coordinator: Coordinator;
  clock: Clock;
  random: Random;
}
export interface ToolCall extends McpAsker {
  /** Aborts when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Whether the client took the request back, and is not only away. */
  isCancelled(): boolean;
  /** Tells the client a piece of the answer; null: it did not ask for that. */
  progress: ((text: string) => void) | null;
}

export interface McpTool {
  name: string;
  title: string;
  text: string;
  input: TSchema;
  output: TSchema;
  /** The permissions of the routes that it asks, all of which the caller must have. */
  needs: readonly Permission[];
  readOnly: boolean;
  /** Whether it may undo or overwrite what is there. */
  destructive: boolean;
  /** Whether a second call with the same arguments changes nothing more. */
  idempotent: boolean;
  /** Whether it reaches what is outside of the fleet, as an agent with tools may. */
  openWorld: boolean;
  /** `args` fit `input`. @throws FleetError in words for a model */
  call(args: never, call: ToolCall): Promise<object>;
}
export function tool<const I extends TSchema, const O extends TSchema>(
  row: Omit<McpTool, 'input' | 'output' | 'call'> & {
    input: I;
    output: O;
    call(args: Static<I>, call: ToolCall): Promise<Static<O>>;
  },
): McpTool {
  return row as unknown as McpTool;
}

export const closed = { additionalProperties: false };
