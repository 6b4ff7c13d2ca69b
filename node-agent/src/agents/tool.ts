// What a tool is: a name and a schema a model can read, and what happens when it is called. One tool a file in tools/.
import type { TSchema } from '@blackroad/protocol';

export interface Tool {
  name: string;
  /** For the model. */
  description: string;
  parameters: TSchema;
  /** Acts beyond this node: refused while it is unknown whether the agent runs elsewhere by now. */
  outside: boolean;
  /** Arguments fit `parameters`. The text goes to the model; a refusal is text too. Throws only on faults. */
  call(args: never, context: ToolContext): Promise<string>;
}
export interface ToolContext {
  /** Of the turn. */
  signal: AbortSignal;
  task: string;
}
