// Requests of the Anthropic dialect: messages, and the count of their tokens. `anthropicLacks` names the fields that the fleet does not have.
import { maxMessagesPerRequest, maxModelRequestBytes, maxToolsPerRequest } from '../limits.ts';
import { type Static, Type } from '../typebox.ts';

const Text = Type.String({ maxLength: maxModelRequestBytes });
const Name = Type.String({ minLength: 1, maxLength: 200 });
const Schema = Type.Record(Type.String(), Type.Unknown());

const Source = Type.Object({
  type: Type.String({ maxLength: 20 }),
  media_type: Type.Optional(Type.String({ maxLength: 60 })),
  data: Type.Optional(Text),
});
const ResultBlock = Type.Object({
  type: Type.String({ maxLength: 40 }),
  text: Type.Optional(Text),
  source: Type.Optional(Source),
});
const Block = Type.Object({
  type: Type.String({ maxLength: 40 }),
  text: Type.Optional(Text),
  source: Type.Optional(Source),
  id: Type.Optional(Type.String({ maxLength: 200 })),
  name: Type.Optional(Name),
  input: Type.Optional(Schema),
  tool_use_id: Type.Optional(Type.String({ maxLength: 200 })),
  content: Type.Optional(Type.Union([Text, Type.Array(ResultBlock, { maxItems: 256 })])),
});
const System = Type.Optional(
  Type.Union([Text, Type.Array(Type.Object({ type: Type.Literal('text'), text: Text }), { maxItems: 64 })]),
);
const asked = {
  model: Type.String({
    minLength: 1,
    maxLength: 1000,
    description:
      'A model of the fleet, `small`, `medium`, `large`, `auto`, or `agent/<name>`; several with commas are tried in order.',
  }),
  messages: Type.Array(
    Type.Object({
      role: Type.OneOf(['user', 'assistant']),
      content: Type.Union([Text, Type.Array(Block, { maxItems: 1024 })]),
    }),
    { minItems: 1, maxItems: maxMessagesPerRequest },
  ),
  system: System,
  tools: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Optional(Type.Nullable(Type.String({ maxLength: 60 }))),
        name: Name,
        description: Type.Optional(Type.String({ maxLength: 16 * 1024 })),
        input_schema: Type.Optional(Schema),
      }),
      { maxItems: maxToolsPerRequest },
    ),
  ),
  tool_choice: Type.Optional(
    Type.Object({ type: Type.OneOf(['auto', 'any', 'tool', 'none']), name: Type.Optional(Name) }),
  ),
  thinking: Type.Optional(Type.Object({ type: Type.String({ maxLength: 20 }) })),
};

export const AnthropicMessages = Type.Object({
  ...asked,
  max_tokens: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  stop_sequences: Type.Optional(Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 16 })),
  stream: Type.Optional(Type.Boolean()),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_k: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  metadata: Type.Optional(Type.Object({ user_id: Type.Optional(Type.Nullable(Type.String({ maxLength: 500 }))) })),
});
export type AnthropicMessages = Static<typeof AnthropicMessages>;
export const AnthropicCount = Type.Object(asked);
export type AnthropicCount = Static<typeof AnthropicCount>;

/** As `openaiLacks`. */
export const anthropicLacks = {
  messages: {
    container: [],
    context_management: [],
    mcp_servers: [[]],
    output_config: [],
    output_format: [],
    service_tier: ['auto', 'standard_only'],
  },
} as const satisfies Record<string, Record<string, readonly unknown[]>>;
