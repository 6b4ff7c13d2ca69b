// The gateway's routes: each dialect's requests, and the lists of what can be asked.
import {
  FleetError,
  mayDo,
  notFoundText,
  type Principal,
  permissionWords,
  type RouteExplained,
  type RoutePlace,
  routes,
} from '@blackroad/protocol';
import { principalOfKey } from '../fleet/principals.ts';
import { agentNamed } from '../gateway/agent-answer.ts';
import { type Ask, textOfTokens } from '../gateway/ask.ts';
import { anthropicMessages, countTokens } from '../gateway/dialects/anthropic.ts';
import { modelsOf } from '../gateway/dialects/dialect.ts';
import { loadedLine, ollamaChat, ollamaEmbed, ollamaGenerate } from '../gateway/dialects/ollama.ts';
import { openaiChat } from '../gateway/dialects/openai-chat.ts';
import { openaiCompletion } from '../gateway/dialects/openai-completion.ts';
import { floatsOf, openaiEmbeddings } from '../gateway/dialects/openai-embeddings.ts';
import { openaiResponse } from '../gateway/dialects/openai-response.ts';
import {
  anthropicList,
  anthropicRow,
  askable,
  askableNamed,
  ollamaDetails,
  ollamaLoaded,
  ollamaTags,
  openaiList,
  openaiRow,
} from '../gateway/lists.ts';
import { refusalOf } from '../gateway/refusal.ts';
import type { ApiContext } from '../http/context.ts';
import type { Call, Handlers } from '../http/handler.ts';
import type { Estimated } from '../placement/route/candidate.ts';
import { sendJson } from './send-json.ts';
import { collect, serveAs } from './serve-ask.ts';

/** Of Ollama's API, as far as it is spoken here. */
const ollamaVersion = '0.15.0';

const isAnthropic = ({ request }: { request: Call<'openaiModels'>['request'] }) =>
  'anthropic-version' in request.headers;

function named({ context, by }: { context: ApiContext; by: Call<'ollamaShow'>['by'] }, name: string) {
  const found = askableNamed(context, by.space, name);
  if (found) return found;
  throw new FleetError('no-such-model', {
    detail: `There is no model ${JSON.stringify(name).slice(0, 220)} in this fleet.`,
  });
}
/** @throws FleetError where it is no key, or who asks may not see keys */
function principalOfNamed({ coordinator: { view } }: ApiContext, by: Principal, named: string): Principal {
  if (!mayDo(by.roles, 'keys:read'))
    throw new FleetError('not-allowed', {
      detail: `body: key: to ask as a key needs ${permissionWords('keys:read')}.`,
    });
  const keys = [...view.keys.values()].filter(({ revoked }) => !revoked);
  const found = keys.find(({ id, name }) => id === named || name === named);
  if (found) return principalOfKey(found);
  const names = keys.map(({ name }) => name);
  throw new FleetError('no-such-key', { detail: notFoundText('key', named, names) });
}
/** A request to load a model, without a question. */
function loaded({ context, by, reply }: Call<'ollamaChat'> | Call<'ollamaGenerate'>, model: string, isChat: boolean) {
  named({ context, by }, modelsOf(model)[0] ?? '');
  return sendJson(reply, loadedLine(model, context.clock.nowMs(), isChat));
}
const notHere = (name: 'ollamaPull' | 'ollamaPush' | 'ollamaCreate' | 'ollamaCopy' | 'ollamaDelete') => (): never => {
  throw new FleetError('not-supported', { detail: routes[name].text });
};

const chatOfOllama = serveAs(ollamaChat);
const generateOfOllama = serveAs(ollamaGenerate);

export const gatewayHandlers = {
  openaiModels(call) {
    const all = askable(call.context, call.by.space);
    return sendJson(call.reply, isAnthropic(call) ? anthropicList(all) : openaiList(all));
  },
  openaiModel(call) {
    const found = named(call, call.params.model);
    return sendJson(call.reply, isAnthropic(call) ? anthropicRow(found) : openaiRow(found));
  },
  openaiChat: serveAs(openaiChat),
  openaiCompletion: serveAs(openaiCompletion),
  openaiEmbeddings: serveAs(openaiEmbeddings),
  openaiResponse: serveAs(openaiResponse),
  anthropicMessages: serveAs(anthropicMessages),
  anthropicCount: ({ body, reply }) => sendJson(reply, countTokens(body)),
  ollamaVersion: ({ reply }) => sendJson(reply, { version: ollamaVersion }),
  ollamaTags: ({ context, by, reply }) => sendJson(reply, ollamaTags(askable(context, by.space))),
  ollamaPs: ({ context, reply }) => sendJson(reply, ollamaLoaded(context)),
  ollamaShow(call) {
    const name = call.body.model ?? call.body.name ?? '';
    return sendJson(call.reply, ollamaDetails(named(call, name)));
  },
  ollamaChat: (call) => (call.body.messages?.length ? chatOfOllama(call) : loaded(call, call.body.model, true)),
  ollamaGenerate(call) {
    const { prompt, images, model } = call.body;
    return prompt || images?.length ? generateOfOllama(call) : loaded(call, model, false);
  },
  ollamaEmbed: serveAs(ollamaEmbed),
  async ollamaEmbeddings(call) {
    const { model, prompt } = call.body;
    const { answers } = await collect(call, ollamaEmbed.read({ model, input: prompt }));
    return sendJson(call.reply, { embedding: floatsOf(answers[0]?.vectors[0] ?? '') });
  },
  ollamaPull: notHere('ollamaPull'),
  ollamaPush: notHere('ollamaPush'),
  ollamaCreate: notHere('ollamaCreate'),
  ollamaCopy: notHere('ollamaCopy'),
  ollamaDelete: notHere('ollamaDelete'),
  routeExplain({ context, by, body }): RouteExplained {
    const { kind = 'chat', promptTokens = 500, answerTokens = 300 } = body;
    const models = modelsOf(body.model);
    const agent = agentNamed(models[0] ?? '');
    if (agent !== null)
      throw new FleetError('not-supported', {
        detail: `${agent} is an agent: it runs on its own node; fleet agents explain ${agent} says why there.`,
      });
    const ask: Ask = {
      models,
      answers: 1,
      stream: false,
      session: null,
      request: {
        kind,
        messages: [
          {
            role: 'user',
            content: textOfTokens(promptTokens),
            ...(body.pictures ? { images: [''] } : {}),
          },
        ],
        maxTokens: Math.max(1, answerTokens),
        ...(body.tools ? { tools: [{ name: 'any', description: '', parameters: {} }] } : {}),
      },
    };
    const asker = body.key === undefined ? by : principalOfNamed(context, by, body.key);
    const unpaid = context.gateway.purse(asker).unpaid();
    const tried = context.gateway.router.routes(ask, `explain ${by.name}`, unpaid?.text ?? null);
    const last = tried.at(-1);
    const found = last?.route.chosen ?? null;
    return {
      chosen: found && placeOf(found),
      why: last?.route.why ?? '',
      problem: found ? null : refusalOf(ask, tried, context.coordinator.view, unpaid).message,
      tried: tried.map(({ model }) => model),
      others: (last?.route.others ?? []).slice(0, 64).map(placeOf),
      refused: tried.flatMap(({ route }) => route.refused).slice(0, 256),
    };
  },
} satisfies Partial<Handlers>;

function placeOf({ candidate, expected }: Estimated): RoutePlace {
  const { node, class: of, model, busy, waiting, slots } = candidate;
  const { waitMs, loadMs, firstMs, finishMs, tokensPerS } = expected;
  return { node, class: of, model: model.name, waitMs, loadMs, firstMs, finishMs, tokensPerS, busy, waiting, slots };
}
