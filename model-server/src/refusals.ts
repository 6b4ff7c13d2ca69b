// Features of a request that a model server refuses. No dialect reports beforehand how a server was started or what a model's chat template
// supports, so a feature is used first, and after a refusal it is left out: at once, and for a while from then on. In: the errors of a
// server. Out: the features to leave out, the request without them, and notes for people with the flag that helps. Never guesses: only an
// error that names the feature counts, and only where the request had it.
import type { Clock } from '@blackroad/std/clock';
import type { ChatEvent, ChatMessage, ChatRequest } from './chat.ts';
import { RuntimeError } from './runtime-error.ts';

/**
 * `usage`: token counts in a stream. `penalty`: the repeat penalty. `sampling`: temperature and its like. `stop`: texts that end the answer.
 * `think`: the switch that turns thinking off.
 */
export type Extra = 'tools' | 'schema' | 'system' | 'usage' | 'penalty' | 'sampling' | 'stop' | 'think';

interface Refused {
  said: string;
  untilMs: number;
}
interface Asking {
  /** The request without what the server refuses. */
  request: ChatRequest;
  /** The features that were left out. */
  lacks: ReadonlySet<Extra>;
  /** The answer has begun: the server takes all that was sent. */
  begun(): void;
  /** Whether this error refuses a feature: it is left out from now on, and the request may be sent once more. */
  refused(error: unknown): boolean;
}
interface Refusals {
  /** The features to leave out for this model now. */
  of(model: string): ReadonlySet<Extra>;
  /**
   * The request with all features that were not refused lately. `also` are the features that its sender adds. Throws `unsupported` for a
   * strict request that would be left without its tools or its schema.
   */
  asking(request: ChatRequest, also: readonly Extra[]): Asking;
  /**
   * Sends the request, and again without those features the server refuses now, as long as no answer has begun. `once` receives the allowed
   * request, and those of `also` to leave out. Throws as `asking` does.
   */
  asked(
    request: ChatRequest,
    also: readonly Extra[],
    once: (request: ChatRequest, lacks: ReadonlySet<Extra>) => AsyncIterable<ChatEvent>,
  ): AsyncGenerator<ChatEvent>;
  /** Called after the server was away: it may have been started with other flags. */
  forget(): void;
  /** Notes on models that are still served. */
  notes(server: string): string[];
}

/** A refusal costs one quick answer, an unused capability costs every turn. */
const lifeMs = 30 * 60_000;
const maxModels = 256;
const maxNoteChars = 500;

/** That a field is not known, as opposed to a value of it that is not allowed. */
function unsupported(field: string): RegExp {
  const refuses = 'unsupported|not supported|does not support|deprecated|unrecognized|unknown|not permitted';
  const name = `['"\`]?\\b(${field})\\b['"\`]?`;
  return new RegExp(`(${refuses})[^.]{0,60}${name}|${name}[^.]{0,40}(${refuses})`, 'i');
}
/** Texts in which servers and templates refuse each feature; the first match counts. */
const words: readonly [Extra, RegExp][] = [
  ['usage', /stream_options|include_usage/i],
  ['penalty', /repeat_penalty|repetition_penalty|penalty/i],
  ['sampling', unsupported('temperature|top_p|top_k|min_p|seed|(presence|frequency)_penalty')],
  ['stop', unsupported('stop(_sequences)?')],
  ['think', /chat_template_kwargs|enable_thinking|\bthink(ing)?\b|reasoning/i],
  ['schema', /response_format|json.?schema|guided|grammar|structured.?output/i],
  ['tools', /\btools?\b|tool.?choice|tool.?call|function.?call|\bfunctions?\b.*support|--jinja/i],
  [
    'system',
    /system.?(role|message|prompt|instruction)|role.{0,12}system|only user(,| and) (assistant|model)|roles? must alternate|developer instruction/i,
  ],
];
/** An error about malformed output of the model is not a refusal. */
const aboutTheAnswer = /(failed|error|unable|could not|cannot) (to )?pars/i;
/** Error codes with which a server may refuse a feature. */
const tellingCodes = new Set(['bad-request', 'unsupported', 'wrong-kind', 'unavailable']);

export function createRefusals(clock: Clock): Refusals {
  const refused = new Map<string, Map<Extra, Refused>>();

  function of(model: string): Set<Extra> {
    const nowMs = clock.monotonicMs();
    return new Set(
      [...(refused.get(model) ?? [])].filter(([, { untilMs }]) => untilMs > nowMs).map(([extra]) => extra),
    );
  }
  function add(model: string, extra: Extra, said: string): void {
    if (!refused.has(model) && refused.size >= maxModels) refused.delete(refused.keys().next().value as string);
    const row = refused.get(model) ?? new Map<Extra, Refused>();
    row.set(extra, { said, untilMs: clock.monotonicMs() + lifeMs });
    refused.set(model, row);
  }
  function worked(model: string, extras: ReadonlySet<Extra>): void {
    for (const extra of extras) refused.get(model)?.delete(extra);
  }

  function asking(request: ChatRequest, also: readonly Extra[]): Asking {
    const { model } = request;
    const lacks = of(model);
    const missed = mustHave(request).find((extra) => lacks.has(extra));
    if (missed) throw lacking(missed, refused.get(model)?.get(missed)?.said ?? '');
    const extras = new Set([...extrasOf(request), ...also].filter((extra) => !lacks.has(extra)));
    let hasBegun = false;
    return {
      request: without(request, lacks),
      lacks,
      begun() {
        if (!hasBegun) worked(model, extras);
        hasBegun = true;
      },
      refused(error) {
        const extra = hasBegun ? null : refusedIn(error, extras);
        if (extra) add(model, extra, (error as Error).message);
        return extra !== null;
      },
    };
  }

  return {
    of,
    asking,
    async *asked(request, also, once) {
      for (;;) {
        const now = asking(request, also);
        try {
          for await (const event of once(now.request, now.lacks)) {
            now.begun();
            yield event;
          }
          return;
        } catch (error) {
          if (!now.refused(error)) throw error;
        }
      }
    },
    forget: () => refused.clear(),
    notes: (server) =>
      [...refused].flatMap(([model, row]) =>
        [...row].map(([extra, { said }]) => noteOf(server, model, extra, said).slice(0, maxNoteChars)),
      ),
  };
}

function extrasOf(request: ChatRequest): Extra[] {
  const extras: Extra[] = [];
  if (request.tools?.length) extras.push('tools');
  if (request.schema) extras.push('schema');
  const { stop, ...sampling } = request.sampling;
  if (stop?.length) extras.push('stop');
  if (Object.values(sampling).some((value) => value !== undefined)) extras.push('sampling');
  if (request.think === false) extras.push('think');
  if (request.messages.some(({ role }) => role === 'system')) extras.push('system');
  return extras;
}

/** The features without which the answer would not be what was asked for. */
function mustHave({ strict, tools, toolChoice, schema }: ChatRequest): Extra[] {
  if (!strict) return [];
  return [
    ...(tools?.length && toolChoice !== 'none' ? ['tools' as const] : []),
    ...(schema ? ['schema' as const] : []),
  ];
}
function lacking(extra: Extra, said: string): RuntimeError {
  const what = extra === 'tools' ? 'takes no tools for this model' : 'holds this model to no JSON schema';
  return new RuntimeError('unsupported', `its server ${what} (it says: ${quoted(said)})`);
}

/** The feature of the request that the server refused; null where the error has another cause. */
export function refusedIn(error: unknown, extras: ReadonlySet<Extra>): Extra | null {
  // An error with a cause is about the connection, not about the request.
  if (!(error instanceof RuntimeError) || !tellingCodes.has(error.code) || error.cause !== undefined) return null;
  if (aboutTheAnswer.test(error.message)) return null;
  return words.find(([extra, pattern]) => extras.has(extra) && pattern.test(error.message))?.[0] ?? null;
}

/** The same request in a form that every chat template accepts. */
export function without(request: ChatRequest, lacks: ReadonlySet<Extra>): ChatRequest {
  const { tools, schema, think, sampling, ...kept } = request;
  const { stop, ...how } = sampling;
  const messages = kept.messages.map((message) => (lacks.has('tools') ? inWords(message) : message));
  if (schema && lacks.has('schema')) {
    const order = `Answer with JSON alone, of this JSON Schema: ${JSON.stringify(schema)}`;
    const last = messages.findLastIndex(({ role }) => role === 'user');
    const asked = messages[last];
    if (asked) messages[last] = { ...asked, content: `${asked.content}\n\n${order}` };
  }
  return {
    ...kept,
    sampling: { ...(lacks.has('sampling') ? {} : how), ...(stop && !lacks.has('stop') ? { stop } : {}) },
    messages: lacks.has('system') ? insideTheQuestion(messages) : messages,
    ...(tools && !lacks.has('tools') ? { tools } : {}),
    ...(schema && !lacks.has('schema') ? { schema } : {}),
    ...(think === false && !lacks.has('think') ? { think } : {}),
  };
}

function inWords(message: ChatMessage): ChatMessage {
  if (message.role === 'tool') return { role: 'user', content: `Result: ${message.content}` };
  if (!message.toolCalls?.length) return message;
  const calls = message.toolCalls.map(({ name, arguments: given }) => `${name}(${JSON.stringify(given)})`);
  return { role: 'assistant', content: [message.content, ...calls].filter(Boolean).join('\n') };
}

function insideTheQuestion(messages: ChatMessage[]): ChatMessage[] {
  const standing = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const rest = messages.filter(({ role }) => role !== 'system');
  const first = rest.findIndex(({ role }) => role === 'user');
  const asked = rest[first];
  if (!asked) return [{ role: 'user', content: standing.join('\n\n') }, ...rest];
  rest[first] = { ...asked, content: [...standing, asked.content].filter((text) => text.trim() !== '').join('\n\n') };
  return rest;
}

function noteOf(server: string, model: string, extra: Extra, said: string): string {
  return `${server}: ${model} ${consequences[extra]} (it says: ${quoted(said)})${cureFor(server, extra)}`;
}
const quoted = (said: string) => (said.length > 160 ? `${said.slice(0, 160)}...` : said);
const consequences: Record<Extra, string> = {
  tools: 'is refused tools, so its agents answer without them',
  schema: 'is not held to a JSON schema, the schema is only told to it',
  system: 'knows no system role, so instructions stand inside the question',
  usage: 'does not count its tokens in a stream, so they are counted by its pieces',
  penalty: 'takes no repeat penalty',
  sampling: 'takes no temperature and its like, so they are its own',
  stop: 'takes no texts to stop at, so its answers go on beyond them',
  think: 'cannot be told not to think',
};
function cureFor(server: string, extra: Extra): string {
  if (extra === 'tools' && /vllm/i.test(server))
    return '; start vLLM with --enable-auto-tool-choice --tool-call-parser and the parser of the model, as hermes for Qwen or llama3_json for Llama';
  if (extra === 'tools' && /llama-server/i.test(server)) return '; start llama-server with --jinja';
  if (extra === 'system') return '; a --chat-template that knows the role mends it';
  return '';
}
