// A tool: a name and a schema that a model can read, and the function of a call. One tool a file in tools/.
import type { TSchema } from '@blackroad/protocol';

export interface Tool {
  name: string;
  /** The text for the model. */
  description: string;
  parameters: TSchema;
  /** Its parameters are another program's schema, and that program judges them. */
  judgedElsewhere?: true;
  /** Whether it acts outside this node: it is then refused while the agent may run on another node. */
  outside: boolean;
  /** `args` match `parameters`. The text is for the model; a refusal is a text too. Throws only on faults. */
  call(args: never, context: ToolContext): Promise<string>;
}
export interface ToolContext {
  /** Aborts with the turn. */
  signal: AbortSignal;
  task: string;
  /** Shows the model a picture, in base64, with the answers of this round. Missing: it takes none. */
  show?(image: string): void;
}
