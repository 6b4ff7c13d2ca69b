// Requests of the Ollama dialect. `ollamaLacks` names the fields that the fleet does not have. Options about the machine (context length,
// threads, layers on the GPU) are each node's own business: `num_ctx` is taken and not acted on, as most clients always send it.
import { maxEmbedTexts, maxMessagesPerRequest, maxModelRequestBytes, maxToolsPerRequest } from '../limits.ts';
import { type Static, Type } from '../typebox.ts';

const Text = Type.String({ maxLength: maxModelRequestBytes });
const Name = Type.String({ minLength: 1, maxLength: 200 });
const Schema = Type.Record(Type.String(), Type.Unknown());
const number = (minimum: number, maximum: number) => Type.Optional(Type.Number({ minimum, maximum }));
const Model = Type.String({
  minLength: 1,
  maxLength: 1000,
  description: 'A model of the fleet, `small`, `medium`, `large`, `auto`, or `agent/<name>`.',
});
const Options = Type.Optional(
  Type.Nullable(
    Type.Object({
      temperature: number(0, 10),
      top_p: number(0, 1),
      top_k: number(0, 1_000_000),
      min_p: number(0, 1),
      seed: Type.Optional(Type.Integer()),
      stop: Type.Optional(
        Type.Union([Type.String({ maxLength: 1000 }), Type.Array(Type.String({ maxLength: 1000 }), { maxItems: 16 })]),
      ),
      num_predict: Type.Optional(Type.Integer({ minimum: -2, maximum: 1_000_000 })),
      num_ctx: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000 })),
      presence_penalty: number(-2, 2),
      frequency_penalty: number(-2, 2),
      repeat_penalty: number(0, 10),
    }),
  ),
);
const Format = Type.Optional(Type.Union([Type.Null(), Type.OneOf(['', 'json']), Schema]));
const KeepAlive = Type.Optional(
  Type.Union([Type.Null(), Type.String({ maxLength: 40 }), Type.Number()], {
    description: 'Taken and not acted on: each node decides how long a model stays loaded.',
  }),
);
const Think = Type.Optional(Type.Union([Type.Null(), Type.Boolean(), Type.String({ maxLength: 20 })]));
const Stream = Type.Optional(Type.Nullable(Type.Boolean()));
/** The fields that chats and texts have in common. */
const answering = {
  format: Format,
  options: Options,
  stream: Stream,
  keep_alive: KeepAlive,
  think: Think,
  logprobs: Type.Optional(Type.Boolean()),
  top_logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 20 })),
};

export const OllamaChat = Type.Object({
  model: Model,
  messages: Type.Optional(
    Type.Array(
      Type.Object({
        role: Type.OneOf(['system', 'user', 'assistant', 'tool']),
        content: Type.Optional(Text),
        images: Type.Optional(Type.Nullable(Type.Array(Text, { maxItems: 32 }))),
        tool_calls: Type.Optional(
          Type.Nullable(
            Type.Array(
              Type.Object({
                id: Type.Optional(Type.String({ maxLength: 200 })),
                function: Type.Object({ name: Name, arguments: Schema }),
              }),
              {
                maxItems: 64,
              },
            ),
          ),
        ),
        tool_name: Type.Optional(Type.String({ maxLength: 200 })),
        tool_call_id: Type.Optional(Type.String({ maxLength: 200 })),
      }),
      { maxItems: maxMessagesPerRequest },
    ),
  ),
  tools: Type.Optional(
    Type.Nullable(
      Type.Array(
        Type.Object({
          function: Type.Object({
            name: Name,
            description: Type.Optional(Type.String({ maxLength: 16 * 1024 })),
            parameters: Type.Optional(Type.Nullable(Schema)),
          }),
        }),
        { maxItems: maxToolsPerRequest },
      ),
    ),
  ),
  ...answering,
});
export type OllamaChat = Static<typeof OllamaChat>;

export const OllamaGenerate = Type.Object({
  model: Model,
  prompt: Type.Optional(Text),
  system: Type.Optional(Text),
  images: Type.Optional(Type.Nullable(Type.Array(Text, { maxItems: 32 }))),
  raw: Type.Optional(Type.Boolean()),
  ...answering,
});
export type OllamaGenerate = Static<typeof OllamaGenerate>;

export const OllamaEmbed = Type.Object({
  model: Model,
  input: Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: maxEmbedTexts })]),
  truncate: Type.Optional(Type.Boolean()),
  options: Options,
  keep_alive: KeepAlive,
});
export type OllamaEmbed = Static<typeof OllamaEmbed>;
export const OllamaEmbeddings = Type.Object({ model: Model, prompt: Text, options: Options, keep_alive: KeepAlive });
export type OllamaEmbeddings = Static<typeof OllamaEmbeddings>;
export const OllamaShow = Type.Object({
  model: Type.Optional(Model),
  name: Type.Optional(Model),
  verbose: Type.Optional(Type.Boolean()),
});
export type OllamaShow = Static<typeof OllamaShow>;

/** As `openaiLacks`. */
export const ollamaLacks = {
  chat: {},
  generate: { suffix: [''], template: [''], context: [[]] },
  embed: { dimensions: [0] },
  options: {
    mirostat: [0],
    tfs_z: [1],
    typical_p: [1],
    num_keep: [],
    num_gpu: [],
    num_thread: [],
    num_batch: [],
    main_gpu: [],
    use_mmap: [],
    numa: [false],
  },
} as const satisfies Record<string, Record<string, readonly unknown[]>>;
