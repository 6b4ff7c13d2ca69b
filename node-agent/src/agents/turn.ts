// One turn of an agent: recall, prompt, model, tools, remember, answer. In: the task and the services of the node. Out: a TurnEnd, and text
// as it is generated. The exchange is durable before the turn is done: an answer that cannot be remembered is a failed turn (retryable),
// because a person would have seen it and the agent would not have it. A failing embedding or recall never fails a turn. After an answer
// without words the model is asked once more, without thinking; if that has none either, the turn fails and nothing is stored.

import type { ChatEvent, ChatMessage, ToolCall } from '@blackroad/model-server/chat';
import {
  type AssignedAgent,
  counted,
  cutToBytes,
  defaultConversationTurns,
  type Exchange,
  FleetError,
  idOf,
  maxResultBytes,
  type TaskProblem,
  type TaskTrace,
  type TaskUsage,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type AgentMemory, type RecallAnswer, triggeredTag } from '../memory/agent-memory.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { turnText } from './conversation.ts';
import { DeadlinePassed } from './deadline-passed.ts';
import { buildPrompt } from './prompt.ts';
import { estimateTokens } from './text.ts';
import type { ToolBox } from './tool-box.ts';
import { TraceNotes } from './trace.ts';
import { problemOf } from './turn-problem.ts';

export interface TurnTask {
  task: string;
  attempt: number;
  prompt: string;
  /** The conversation before it, where its asker keeps it; absent: the agent's own of the last hour. */
  turns?: readonly Exchange[];
  /** Pictures beside the prompt, in base64. */
  images?: readonly string[];
  /** Whether its end tells how the answer came about. */
  trace?: boolean;
  /** True when a trigger of the agent began the task, not a person. */
  triggered?: boolean;
  signal: AbortSignal;
}

/** A piece of a turn for its followers. */
export interface TurnChunk {
  text: string;
  /** The name of the tool whose call began. */
  tool?: string;
  /** The last characters of the text, this many, were thought and are withdrawn. */
  retract?: number;
}

export type TurnEnd =
  | { state: 'done'; result: string; truncated: boolean; usage: TaskUsage; trace?: TaskTrace }
  | { state: 'failed'; problem: TaskProblem; usage?: TaskUsage; trace?: TaskTrace }
  | { state: 'cancelled' };

export interface TurnDeps {
  runtimeFor(model: string): Runtime | null;
  /** Admission: resolves when a slot of the model is free for this turn, with the function that releases it. */
  enter(model: string, signal: AbortSignal, deadlineMs: number): Promise<() => void>;
  memory: AgentMemory;
  tools: ToolBox;
  facts(): string[];
  /** False while the agent may run on another node, by now or still: then its tools do nothing outside. */
  mayActOutside(): boolean;
  clock: Clock;
  log: Log;
  parametersB(model: string): number;
  contextTokens(model: string): number;
  toolsSupported(model: string): boolean;
  /** False for a model that is known to take no pictures. */
  sees(model: string): boolean;
  /** The durations of a finished model call, for the learned speeds. */
  learn?(
    model: string,
    usage: { promptTokens: number; completionTokens: number; loadMs: number; prefillMs: number; decodeMs: number },
  ): void;
}
type Emit = (chunk: TurnChunk) => void;
type ToolSpec = TurnDeps['tools']['specs'][number];
type Prompt = Exclude<ReturnType<typeof buildPrompt>, { tooLong: string }>;

interface Asked {
  messages: ChatMessage[];
  maxTokens: number;
  tools: readonly ToolSpec[];
  think?: false;
}

interface Answer {
  text: string;
  calls: ToolCall[];
  truncated: boolean;
  /** Whether a part of its text was thought. */
  thought: boolean;
  tokens: number;
}

/** Older exchanges are recalled as memories, but are not part of the conversation. */
const conversationMs = 3_600_000;
/** Calls of one model answer; a model that makes more is out of control. */
const maxCallsPerRound = 8;
/** Pictures of one round: each takes about a thousand tokens. */
const maxShown = 2;

export function runTurn(assigned: AssignedAgent, deps: TurnDeps, task: TurnTask, emit: Emit): Promise<TurnEnd> {
  return new Turn(assigned, deps, task, emit).run();
}

class Turn {
  readonly #assigned: AssignedAgent;
  readonly #deps: TurnDeps;
  readonly #task: TurnTask;
  readonly #emit: Emit;
  readonly #startedMs: number;
  readonly #usage: TaskUsage;
  readonly #trace: TraceNotes | null;
  #result = '';
  #truncated = false;

  constructor(assigned: AssignedAgent, deps: TurnDeps, task: TurnTask, emit: Emit) {
    this.#assigned = assigned;
    this.#deps = deps;
    this.#task = task;
    this.#emit = emit;
    this.#startedMs = deps.clock.monotonicMs();
    this.#trace = task.trace ? new TraceNotes() : null;
    this.#usage = {
      model: assigned.model,
      promptTokens: 0,
      completionTokens: 0,
      recalled: 0,
      toolCalls: 0,
      firstTokenMs: 0,
      totalMs: 0,
    };
  }

  async run(): Promise<TurnEnd> {
    const { spec, model } = this.#assigned;
    const { signal } = this.#task;
    try {
      signal.throwIfAborted();
      const runtime = this.#deps.runtimeFor(model);
      if (!runtime) {
        const text = `no runtime on this node serves ${model} now`;
        return this.#failed({ code: 'model-missing', text, retryable: true });
      }
      if (this.#task.images?.length && !this.#deps.sees(model)) {
        const text = `${model} takes no pictures; ask without them`;
        return this.#failed({ code: 'not-supported', text, retryable: false });
      }
      if (this.#deps.toolsSupported(model)) await this.#deps.tools.look(signal);
      const tools = this.#deps.toolsSupported(model) && spec.limits.toolRounds > 0 ? [...this.#deps.tools.specs] : [];
      const prompt = await this.#prompt(tools.length > 0);
      if ('tooLong' in prompt) return this.#failed({ code: 'prompt-too-long', text: prompt.tooLong, retryable: false });
      this.#usage.recalled = prompt.recalled;
      if (prompt.documents.length > 0) this.#usage.documents = prompt.documents;
      this.#trace?.prompted(prompt.messages);
      const problem = await this.#rounds(runtime, prompt, tools);
      if (problem) return this.#failed(problem);
      if (cutToBytes(this.#result, maxResultBytes) !== this.#result) {
        this.#result = cutToBytes(this.#result, maxResultBytes);
        this.#truncated = true;
      }
      if (spec.memory.remember === 'turns') await this.#remember().catch((error) => this.#notRemembered(error));
      this.#usage.totalMs = this.#elapsed();
      return { state: 'done', result: this.#result, truncated: this.#truncated, usage: this.#usage, ...this.#told() };
    } catch (error) {
      if (signal.aborted) return this.#ended(signal.reason);
      return this.#failed(problemOf(error));
    }
  }

  async #prompt(hasTools: boolean): Promise<ReturnType<typeof buildPrompt>> {
    const { spec, model } = this.#assigned;
    const { memory, clock, facts, mayActOutside, parametersB, contextTokens } = this.#deps;
    const { prompt, turns: given, signal, triggered } = this.#task;
    const most = spec.memory.recall;
    const recall: RecallAnswer =
      most > 0 ? await memory.recall(prompt, most, signal) : { memories: [], how: 'lexical' };
    const recalled = recall.memories;
    signal.throwIfAborted();
    const { part } = memory;
    if (part !== null) this.#usage.partialMemory = part;
    const told = [...facts(), ...(part === null ? [] : [partFact(part)]), ...this.#deps.tools.troubles()];
    this.#trace?.recalled(recall);
    const own = () => memory.turns(spec.memory.turns ?? defaultConversationTurns, clock.nowMs() - conversationMs);
    const turns = given?.map(({ said, answered }) => ({ text: turnText(said, answered) })) ?? (triggered ? [] : own());
    return buildPrompt({
      spec,
      prompt,
      images: this.#task.images ?? [],
      memories: recalled,
      turns: turns.map(({ text }) => text),
      facts: mayActOutside() ? told : [...told, 'It may not act outside now.'],
      hasTools,
      parametersB: parametersB(model),
      contextTokens: contextTokens(model),
    });
  }

  /** Asks the model, calls the tools that it names, and asks again, until it answers in words. Returns why there is no answer; null: there is. */
  async #rounds(runtime: Runtime, prompt: Prompt, tools: readonly ToolSpec[]): Promise<TaskProblem | null> {
    const { messages, maxTokens, contextTokens } = prompt;
    for (let round = 0; ; round++) {
      // The last round offers no tools, so that it ends in words.
      const offered = round >= this.#assigned.spec.limits.toolRounds ? [] : tools;
      let answer = await this.#callModel(runtime, { messages, maxTokens, tools: offered });
      if (isNothing(this.#result, answer)) {
        const first = answer;
        answer = await this.#callModel(runtime, { messages, maxTokens, tools: offered, think: false });
        if (isNothing(this.#result, answer)) return noAnswer(this.#assigned.model, [first, answer]);
      }
      this.#result += answer.text;
      this.#truncated = answer.truncated;
      if (answer.calls.length === 0 || answer.truncated) return null;
      messages.push({ role: 'assistant', content: answer.text, toolCalls: answer.calls });
      const shown: string[] = [];
      for (const call of answer.calls) {
        const text = await this.#callTool(call, shown);
        const content = fitted(text, messages, contextTokens - maxTokens);
        messages.push({ role: 'tool', content, toolCallId: call.id });
      }
      // The answer of a tool is text in every dialect: a picture comes as if it were shown beside it.
      if (shown.length > 0) messages.push({ role: 'user', content: 'The picture of the camera:', images: shown });
    }
  }

  async #callTool(call: ToolCall, shown: string[]): Promise<string> {
    const { signal, task } = this.#task;
    const sees = this.#deps.sees(this.#assigned.model);
    const show = (image: string) => void (shown.length < maxShown && shown.push(image));
    this.#usage.toolCalls++;
    this.#emit({ text: '', tool: call.name });
    const beganMs = this.#elapsed();
    const text = await this.#deps.tools.call(call, { signal, task, ...(sees ? { show } : {}) });
    this.#trace?.called(call, text, this.#elapsed() - beganMs);
    signal.throwIfAborted();
    return text;
  }

  async #callModel(runtime: Runtime, asked: Asked): Promise<Answer> {
    const { spec, model } = this.#assigned;
    const { signal } = this.#task;
    const leave = await this.#deps.enter(model, signal, spec.limits.deadlineSeconds * 1000);
    const answer: Answer = { text: '', calls: [], truncated: false, thought: false, tokens: 0 };
    try {
      const { messages, maxTokens, tools, think } = asked;
      const request = {
        model,
        messages,
        maxTokens,
        sampling: { temperature: spec.temperature },
        ...(tools.length > 0 ? { tools: [...tools] } : {}),
        ...(think === false ? { think } : {}),
      };
      for await (const event of runtime.chat(request, signal)) {
        this.#take(event, answer);
        if (event.type === 'text' && this.#result.length + answer.text.length > maxResultBytes) {
          answer.truncated = true;
          break;
        }
      }
      signal.throwIfAborted();
      answer.calls = tools.length > 0 ? answer.calls.slice(0, maxCallsPerRound) : [];
      return answer;
    } finally {
      leave();
    }
  }

  #take(event: ChatEvent, answer: Answer): void {
    const usage = this.#usage;
    switch (event.type) {
      case 'text':
        if (usage.firstTokenMs === 0) usage.firstTokenMs = this.#elapsed();
        answer.text += event.text;
        this.#emit({ text: event.text });
        return;
      case 'tool-calls':
        answer.calls.push(...event.calls);
        return;
      case 'thought':
        answer.thought = true;
        return;
      case 'retract':
        this.#emit({ text: '', retract: answer.text.length });
        answer.text = '';
        usage.firstTokenMs = 0;
        return;
      case 'end':
        answer.tokens = event.usage.completionTokens;
        usage.promptTokens += event.usage.promptTokens;
        if (event.usage.cachedTokens !== undefined)
          usage.cachedTokens = (usage.cachedTokens ?? 0) + event.usage.cachedTokens;
        usage.completionTokens += event.usage.completionTokens;
        usage.decodeMs = (usage.decodeMs ?? 0) + event.usage.decodeMs;
        answer.truncated = event.reason === 'length';
        this.#deps.learn?.(this.#assigned.model, event.usage);
    }
  }

  async #remember(): Promise<void> {
    const { prompt, task, triggered } = this.#task;
    await this.#deps.memory.append({
      kind: 'turn',
      // The question has the larger share: people ask for what they said before.
      text: turnText(cutToBytes(prompt, 5_000), cutToBytes(this.#result, 3_000)),
      source: `task:${task}`,
      ...(triggered ? { tags: [triggeredTag] } : {}),
      actorId: `agent:${idOf(this.#assigned)}`,
    });
  }

  /** An answer stands without being remembered where the agent may have no more memories. */
  #notRemembered(error: unknown): void {
    if (!(error instanceof FleetError) || error.code !== 'fleet-full') throw error;
    this.#usage.notRemembered = true;
  }

  #told(): { trace?: TaskTrace } {
    return this.#trace ? { trace: this.#trace.told() } : {};
  }

  #elapsed(): number {
    return Math.max(0, this.#deps.clock.monotonicMs() - this.#startedMs);
  }

  #failed(problem: TaskProblem): TurnEnd {
    return {
      state: 'failed',
      problem: { ...problem, text: cutToBytes(problem.text, 1000) },
      usage: { ...this.#usage, totalMs: this.#elapsed() },
      ...this.#told(),
    };
  }

  #ended(reason: unknown): TurnEnd {
    if (reason instanceof DeadlinePassed) {
      const text = 'the deadline passed while the agent worked';
      return this.#failed({ code: 'deadline-passed', text, retryable: false });
    }
    return { state: 'cancelled' };
  }
}

/** The model is told, so that it does not say that there is nothing. */
function partFact({ have, of }: { have: number; of: number }): string {
  return `Its memory is still on the way here: it has ${have} of ${counted(of, 'entry', 'entries')}, the newest and the most important ones.`;
}

/** Whether the answer has neither words nor calls that will be made. */
function isNothing(before: string, { text, calls, truncated }: Answer): boolean {
  return `${before}${text}`.trim() === '' && (calls.length === 0 || truncated);
}

/** Not retryable: the acts of its tools would be repeated, and the next attempt would think as long. */
function noAnswer(model: string, tries: Answer[]): TaskProblem {
  const thinking = tries.find(({ thought }) => thought);
  const text = thinking
    ? `${model} thought for all of its ${thinking.tokens} tokens and gave no answer; more of limits.maxTokens, or a model that thinks less, mends it`
    : `${model} gave no answer, asked twice: ${tries.map(({ tokens }) => `${tokens} tokens`).join(', then ')} without a word`;
  return { code: 'no-answer', text, retryable: false };
}

/** A tool's answer, cut so that the model has room for its own. */
function fitted(text: string, messages: readonly ChatMessage[], budget: number): string {
  const used = messages.reduce((sum, { content }) => sum + estimateTokens(content) + 8, 0);
  const chars = Math.max(200, Math.floor((budget - used) * 1.5));
  return text.length <= chars ? text : `${text.slice(0, chars).toWellFormed()}\n(cut)`;
}
