// Requests of the OpenAI dialect: chat completions, completions, responses, embeddings. Fields that clients may send and the fleet does not
// have are not listed; `openaiLacks` says which of them are refused, with the values that mean the same as nothing.
import { batchEndpoints } from '../batch-words.ts';
import {
  maxAnswersPerRequest,
  maxEmbedTexts,
  maxMessagesPerRequest,
  maxModelRequestBytes,
  maxToolsPerRequest,
} from '../limits.ts';
import { type Static, Type } from '../typebox.ts';

const Text = Type.String({ maxLength: maxModelRequestBytes });
const Name = Type.String({ minLength: 1, maxLength: 200 });
const maybe = (minimum: number, maximum: number) => Type.Optional(Type.Nullable(Type.Number({ minimum, maximum })));
const count = (maximum: number) => Type.Optional(Type.Nullable(Type.Integer({ minimum: 1, maximum })));
const flag = Type.Optional(Type.Nullable(Type.Boolean()));
const Model = Type.String({
  minLength: 1,
  maxLength: 1000,
  description:
    'A model of the fleet, `small`, `medium`, `large`, `auto`, or `agent/<name>`; several with commas are tried in order.',
});
const Models = Type.Optional(
  Type.Array(Name, { maxItems: 16, description: 'More models to try, in order, where `model` cannot answer.' }),
);
const Stop = Type.Optional(
  Type.Union([
    Type.Null(),
    Type.String({ maxLength: 1000 }),
    Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 16 }),
  ]),
);

const ContentPart = Type.Object({
  type: Type.String({ maxLength: 40 }),
  text: Type.Optional(Text),
  refusal: Type.Optional(Text),
  image_url: Type.Optional(Type.Union([Text, Type.Object({ url: Text })])),
});
const FunctionCall = Type.Object({ name: Name, arguments: Text });
const ChatMessage = Type.Object({
  role: Type.OneOf(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Type.Optional(Type.Union([Type.Null(), Text, Type.Array(ContentPart, { maxItems: 256 })])),
  tool_calls: Type.Optional(
    Type.Nullable(
      Type.Array(
        Type.Object({
          id: Type.String({ maxLength: 200 }),
          type: Type.Optional(Type.Literal('function')),
          function: FunctionCall,
        }),
        {
          maxItems: 64,
        },
      ),
    ),
  ),
  tool_call_id: Type.Optional(Type.String({ maxLength: 200 })),
});
const Schema = Type.Record(Type.String(), Type.Unknown());
const FunctionTool = Type.Object({
  name: Name,
  description: Type.Optional(Type.Nullable(Type.String({ maxLength: 16 * 1024 }))),
  parameters: Type.Optional(Type.Nullable(Schema)),
});
const sampling = {
  temperature: maybe(0, 2),
  top_p: maybe(0, 1),
  top_k: maybe(-1, 1_000_000),
  min_p: maybe(0, 1),
  seed: Type.Optional(Type.Nullable(Type.Integer())),
  stop: Stop,
  presence_penalty: maybe(-2, 2),
  frequency_penalty: maybe(-2, 2),
  repetition_penalty: maybe(0, 10),
};
const StreamOptions = Type.Optional(Type.Nullable(Type.Object({ include_usage: flag })));
const user = Type.Optional(Type.Nullable(Type.String({ maxLength: 500 })));

export const OpenAiChat = Type.Object({
  model: Model,
  models: Models,
  messages: Type.Array(ChatMessage, { minItems: 1, maxItems: maxMessagesPerRequest }),
  ...sampling,
  max_tokens: count(1_000_000),
  max_completion_tokens: count(1_000_000),
  n: count(maxAnswersPerRequest),
  stream: flag,
  stream_options: StreamOptions,
  tools: Type.Optional(
    Type.Nullable(
      Type.Array(Type.Object({ type: Type.Literal('function'), function: FunctionTool }), {
        maxItems: maxToolsPerRequest,
      }),
    ),
  ),
  tool_choice: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.OneOf(['none', 'auto', 'required']),
      Type.Object({ type: Type.Literal('function'), function: Type.Object({ name: Name }) }),
    ]),
  ),
  response_format: Type.Optional(
    Type.Nullable(
      Type.Object({
        type: Type.OneOf(['text', 'json_object', 'json_schema']),
        json_schema: Type.Optional(Type.Object({ name: Type.Optional(Name), schema: Type.Optional(Schema) })),
      }),
    ),
  ),
  logprobs: flag,
  top_logprobs: Type.Optional(Type.Nullable(Type.Integer({ minimum: 0, maximum: 20 }))),
  reasoning_effort: Type.Optional(Type.Nullable(Type.OneOf(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']))),
  chat_template_kwargs: Type.Optional(Type.Object({ enable_thinking: flag, thinking: flag })),
  user,
  prompt_cache_key: user,
  safety_identifier: user,
});
export type OpenAiChat = Static<typeof OpenAiChat>;

export const OpenAiCompletion = Type.Object({
  model: Model,
  models: Models,
  prompt: Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: 1 })], {
    description: 'One text. Tokens, and several texts, are not taken.',
  }),
  ...sampling,
  max_tokens: count(1_000_000),
  n: count(maxAnswersPerRequest),
  stream: flag,
  stream_options: StreamOptions,
  logprobs: Type.Optional(Type.Nullable(Type.Integer({ minimum: 0, maximum: 20 }))),
  user,
});
export type OpenAiCompletion = Static<typeof OpenAiCompletion>;

export const OpenAiEmbeddings = Type.Object({
  model: Model,
  models: Models,
  input: Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: maxEmbedTexts })]),
  encoding_format: Type.Optional(Type.OneOf(['float', 'base64'])),
  user,
});
export type OpenAiEmbeddings = Static<typeof OpenAiEmbeddings>;

const ResponseItem = Type.Object({
  type: Type.Optional(Type.String({ maxLength: 60 })),
  role: Type.Optional(Type.OneOf(['system', 'developer', 'user', 'assistant'])),
  content: Type.Optional(
    Type.Union([
      Text,
      Type.Array(
        Type.Object({
          type: Type.String({ maxLength: 40 }),
          text: Type.Optional(Text),
          refusal: Type.Optional(Text),
          image_url: Type.Optional(Type.Nullable(Text)),
        }),
        { maxItems: 256 },
      ),
    ]),
  ),
  call_id: Type.Optional(Type.String({ maxLength: 200 })),
  name: Type.Optional(Name),
  arguments: Type.Optional(Text),
  output: Type.Optional(
    Type.Union([
      Text,
      Type.Array(Type.Object({ type: Type.String({ maxLength: 40 }), text: Type.Optional(Text) }), { maxItems: 256 }),
    ]),
  ),
});
export const OpenAiResponse = Type.Object({
  model: Model,
  models: Models,
  input: Type.Union([Text, Type.Array(ResponseItem, { minItems: 1, maxItems: maxMessagesPerRequest })]),
  instructions: Type.Optional(Type.Nullable(Text)),
  temperature: maybe(0, 2),
  top_p: maybe(0, 1),
  max_output_tokens: count(1_000_000),
  stream: flag,
  tools: Type.Optional(
    Type.Nullable(
      Type.Array(
        Type.Object({
          type: Type.String({ maxLength: 60 }),
          name: Type.Optional(Name),
          description: Type.Optional(Type.Nullable(Type.String({ maxLength: 16 * 1024 }))),
          parameters: Type.Optional(Type.Nullable(Schema)),
        }),
        { maxItems: maxToolsPerRequest },
      ),
    ),
  ),
  tool_choice: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.OneOf(['none', 'auto', 'required']),
      Type.Object({ type: Type.Literal('function'), name: Name }),
    ]),
  ),
  text: Type.Optional(
    Type.Nullable(
      Type.Object({
        format: Type.Optional(
          Type.Object({ type: Type.OneOf(['text', 'json_object', 'json_schema']), schema: Type.Optional(Schema) }),
        ),
      }),
    ),
  ),
  reasoning: Type.Optional(
    Type.Nullable(Type.Object({ effort: Type.Optional(Type.Nullable(Type.String({ maxLength: 20 }))) })),
  ),
  user,
  prompt_cache_key: user,
  safety_identifier: user,
});
export type OpenAiResponse = Static<typeof OpenAiResponse>;

/** Fields of the dialect that the fleet does not have, with the values that ask for nothing; a missing field and null always do. */
export const openaiLacks = {
  chat: {
    audio: [],
    modalities: [['text']],
    functions: [[]],
    function_call: ['none', 'auto'],
    logit_bias: [{}],
    prediction: [],
    web_search_options: [],
    store: [false],
    parallel_tool_calls: [true],
    service_tier: ['auto', 'default'],
    verbosity: ['medium'],
  },
  completion: { best_of: [1], echo: [false], suffix: [''], logit_bias: [{}] },
  embeddings: { dimensions: [] },
  response: {
    previous_response_id: [],
    conversation: [],
    background: [false],
    prompt: [],
    store: [true, false],
    include: [[]],
    max_tool_calls: [],
    parallel_tool_calls: [true],
    service_tier: ['auto', 'default'],
    top_logprobs: [0],
    truncation: ['disabled'],
  },
} as const satisfies Record<string, Record<string, readonly unknown[]>>;

export const OpenAiBatch = Type.Object({
  input_file_id: Type.String({ maxLength: 80 }),
  endpoint: Type.OneOf([...batchEndpoints]),
  completion_window: Type.Literal('24h'),
  metadata: Type.Optional(
    Type.Nullable(Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), { maxProperties: 16 })),
  ),
});
export type OpenAiBatch = Static<typeof OpenAiBatch>;

/** What OpenAI's API answers when something is made has many fields; this one is read here, too. */
export const OpenAiId = Type.Object({ id: Type.String() });

/** One line of a batch's file. */
export const OpenAiBatchLine = Type.Object({
  custom_id: Type.String({ minLength: 1, maxLength: 512 }),
  method: Type.Literal('POST'),
  url: Type.OneOf([...batchEndpoints]),
  body: Type.Record(Type.String(), Type.Unknown()),
});
export type OpenAiBatchLine = Static<typeof OpenAiBatchLine>;

const listed = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  after: Type.Optional(Type.String({ maxLength: 80, description: 'Those that were made before this one.' })),
};
export const OpenAiFileList = Type.Object({ ...listed, purpose: Type.Optional(Type.String({ maxLength: 40 })) });
export const OpenAiBatchList = Type.Object(listed);
