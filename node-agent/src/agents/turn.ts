// One turn of an agent: recall, prompt, model, tools, remember, answer. In: the task and the services of the node. Out: a TurnEnd, and text
// as it is generated. The exchange is durable before the turn is done: an answer that cannot be remembered is a failed turn (retryable),
// because a person would have seen it and the agent would not have it. A failing embedding or recall never fails a turn. After an answer
// without words the model is asked once more, without thinking; if that has none either, the turn fails and nothing is stored.

import {
  type AssignedAgent,
  cutToBytes,
  defaultConversationTurns,
  FleetError,
  idOf,
  maxResultBytes,
  type TaskProblem,
  type TaskUsage,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type AgentMemory, triggeredTag } from '../memory/agent-memory.ts';
import {
  type ChatMessage,
  type Runtime,
  RuntimeError,
  type RuntimeErrorCode,
  type ToolCall,
} from '../runtimes/runtime.ts';
import { turnText } from './conversation.ts';
import { DeadlinePassed } from './deadline-passed.ts';
import { buildPrompt } from './prompt.ts';
import { estimateTokens } from './text.ts';
import type { ToolBox } from './tool-box.ts';

export interface TurnTask {
  task: string;
  attempt: number;
  prompt: string;
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
  | { state: 'done'; result: string; truncated: boolean; usage: TaskUsage }
  | { state: 'failed'; problem: TaskProblem; usage?: TaskUsage }
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
  /** The durations of a finished model call, for the learned speeds. */
  learn?(
    model: string,
    usage: { promptTokens: number; completionTokens: number; loadMs: number; prefillMs: number; decodeMs: number },
  ): void;
}
type Emit = (chunk: TurnChunk) => void;

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

export async function runTurn(assigned: AssignedAgent, deps: TurnDeps, task: TurnTask, emit: Emit): Promise<TurnEnd> {
  const { spec, model } = assigned;
  const startedMs = deps.clock.monotonicMs();
  const usage: TaskUsage = {
    model,
    promptTokens: 0,
    completionTokens: 0,
    recalled: 0,
    toolCalls: 0,
    firstTokenMs: 0,
    totalMs: 0,
  };
  const failed = (problem: TaskProblem): TurnEnd => ({
    state: 'failed',
    problem: { ...problem, text: cutToBytes(problem.text, 1000) },
    usage: { ...usage, totalMs: elapsed() },
  });
  const elapsed = () => Math.max(0, deps.clock.monotonicMs() - startedMs);
  const { signal } = task;

  try {
    signal.throwIfAborted();
    const runtime = deps.runtimeFor(model);
    if (!runtime) {
      return failed({ code: 'model-missing', text: `no runtime on this node serves ${model} now`, retryable: true });
    }
    const recalled =
      spec.memory.recall > 0 ? (await deps.memory.recall(task.prompt, spec.memory.recall, signal)).memories : [];
    signal.throwIfAborted();
    const turns = task.triggered
      ? []
      : deps.memory.turns(spec.memory.turns ?? defaultConversationTurns, deps.clock.nowMs() - conversationMs);
    let offered = deps.toolsSupported(model) && spec.limits.toolRounds > 0 ? [...deps.tools.specs] : [];
    const prompt = buildPrompt({
      spec,
      prompt: task.prompt,
      memories: recalled,
      turns: turns.map(({ text }) => text),
      facts: deps.mayActOutside() ? deps.facts() : [...deps.facts(), 'It may not act outside now.'],
      hasTools: offered.length > 0,
      parametersB: deps.parametersB(model),
      contextTokens: deps.contextTokens(model),
    });
    if ('tooLong' in prompt) return failed({ code: 'prompt-too-long', text: prompt.tooLong, retryable: false });
    usage.recalled = prompt.recalled;
    const { messages, maxTokens, contextTokens } = prompt;

    let result = '';
    let truncated = false;
    for (let round = 0; ; round++) {
      // The last round offers no tools, so that it ends in words.
      if (round >= spec.limits.toolRounds) offered = [];
      let answer = await callModel(runtime, messages, maxTokens, offered, result.length);
      if (isNothing(result, answer)) {
        const first = answer;
        answer = await callModel(runtime, messages, maxTokens, offered, result.length, false);
        if (isNothing(result, answer)) return failed(noAnswer(model, [first, answer]));
      }
      result += answer.text;
      truncated = answer.truncated;
      if (answer.calls.length === 0 || truncated) break;
      messages.push({ role: 'assistant', content: answer.text, toolCalls: answer.calls });
      for (const call of answer.calls) {
        usage.toolCalls++;
        emit({ text: '', tool: call.name });
        const text = await deps.tools.call(call, { signal, task: task.task });
        signal.throwIfAborted();
        messages.push({
          role: 'tool',
          content: fitted(text, messages, contextTokens - maxTokens),
          toolCallId: call.id,
        });
      }
    }
    if (cutToBytes(result, maxResultBytes) !== result) {
      result = cutToBytes(result, maxResultBytes);
      truncated = true;
    }
    if (spec.memory.remember === 'turns') {
      await deps.memory.append({
        kind: 'turn',
        // The question has the larger share: people ask for what they said before.
        text: turnText(cutToBytes(task.prompt, 5_000), cutToBytes(result, 3_000)),
        source: `task:${task.task}`,
        ...(task.triggered ? { tags: [triggeredTag] } : {}),
        actorId: `agent:${idOf(assigned)}`,
      });
    }
    usage.totalMs = elapsed();
    return { state: 'done', result, truncated, usage };
  } catch (error) {
    if (signal.aborted) return ended(signal.reason);
    return failed(problemOf(error));
  }

  function ended(reason: unknown): TurnEnd {
    if (reason instanceof DeadlinePassed) {
      return failed({ code: 'deadline-passed', text: 'the deadline passed while the agent worked', retryable: false });
    }
    return { state: 'cancelled' };
  }

  async function callModel(
    runtime: Runtime,
    messages: ChatMessage[],
    maxTokens: number,
    tools: TurnDeps['tools']['specs'][number][],
    before: number,
    think?: false,
  ): Promise<Answer> {
    const leave = await deps.enter(model, signal, spec.limits.deadlineSeconds * 1000);
    let text = '';
    let truncated = false;
    let thought = false;
    let tokens = 0;
    const calls: ToolCall[] = [];
    try {
      const request = {
        model,
        messages,
        maxTokens,
        temperature: spec.temperature,
        ...(tools.length > 0 ? { tools } : {}),
        ...(think === false ? { think } : {}),
      };
      for await (const event of runtime.chat(request, signal)) {
        if (event.type === 'text') {
          if (usage.firstTokenMs === 0) usage.firstTokenMs = elapsed();
          text += event.text;
          emit({ text: event.text });
          if (before + text.length > maxResultBytes) {
            truncated = true;
            break;
          }
        } else if (event.type === 'tool-calls') calls.push(...event.calls);
        else if (event.type === 'thought') thought = true;
        else if (event.type === 'retract') {
          emit({ text: '', retract: text.length });
          text = '';
          usage.firstTokenMs = 0;
        } else {
          tokens = event.usage.completionTokens;
          usage.promptTokens += event.usage.promptTokens;
          usage.completionTokens += event.usage.completionTokens;
          usage.decodeMs = (usage.decodeMs ?? 0) + event.usage.decodeMs;
          truncated = event.reason === 'length';
          deps.learn?.(model, event.usage);
        }
      }
      signal.throwIfAborted();
      return { text, calls: tools.length > 0 ? calls.slice(0, maxCallsPerRound) : [], truncated, thought, tokens };
    } finally {
      leave();
    }
  }
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

const runtimeProblems: Record<RuntimeErrorCode, string> = {
  unavailable: 'runtime-unavailable',
  overloaded: 'runtime-overloaded',
  'unknown-model': 'model-missing',
  'wrong-kind': 'model-cannot-chat',
  'too-long': 'prompt-too-long',
  unsupported: 'not-supported',
  'bad-request': 'runtime-refused',
  aborted: 'runtime-unavailable',
  refused: 'model-does-not-load',
  'wrong-key': 'runtime-refused',
};
function problemOf(error: unknown): TaskProblem {
  const text = (error as Error).message ?? String(error);
  if (error instanceof RuntimeError) {
    // A model that this node lost may be on another node.
    const elsewhere = ['unknown-model', 'refused', 'aborted', 'wrong-key'].includes(error.code);
    return { code: runtimeProblems[error.code], text, retryable: error.retryable || elsewhere };
  }
  if (error instanceof FleetError) {
    const code = error.code === 'conflict' ? 'memory-fenced' : 'memory-not-stored';
    return { code, text, retryable: true };
  }
  return { code: 'internal', text, retryable: true };
}
