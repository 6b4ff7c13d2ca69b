// Routes of the gateway: the APIs of OpenAI, Anthropic and Ollama over the whole fleet. Their answers have the forms of those APIs, errors
// included, and are written by coordinator/src/gateway/dialects.
import { AnthropicCount, AnthropicMessages } from '../dialects/anthropic.ts';
import { OllamaChat, OllamaEmbed, OllamaEmbeddings, OllamaGenerate, OllamaShow } from '../dialects/ollama.ts';
import {
  OpenAiBatch,
  OpenAiBatchList,
  OpenAiChat,
  OpenAiCompletion,
  OpenAiEmbeddings,
  OpenAiFileList,
  OpenAiId,
  OpenAiResponse,
} from '../dialects/openai.ts';
import { maxFileBytes, maxModelRequestBytes } from '../limits.ts';
import { RouteAsk, RouteExplained } from '../route.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

const large = { needs: 'models:ask', bodyBytes: maxModelRequestBytes } as const;
const batch = { needs: 'models:ask', dialect: 'openai' } as const;
const fileParams = Type.Object({ file: Type.String({ maxLength: 80 }) });
const batchParams = Type.Object({ batch: Type.String({ maxLength: 80 }) });
const notHere = (path: string, method: 'POST' | 'DELETE', what: string) =>
  route({
    method,
    path,
    needs: 'models:ask',
    dialect: 'ollama',
    text: `Not here: ${what}. Answers with an error of the Ollama dialect.`,
    body: Type.Unknown(),
  });

export const gatewayRoutes = {
  openaiModels: route({
    method: 'GET',
    path: '/v1/models',
    needs: 'models:ask',
    dialect: 'openai',
    text: 'Models, tiers and agents that can be asked; in the form of Anthropic with the header `anthropic-version`.',
  }),
  openaiModel: route({
    method: 'GET',
    path: '/v1/models/:model',
    needs: 'models:ask',
    dialect: 'openai',
    text: 'One of them.',
    params: Type.Object({ model: Type.String({ maxLength: 200 }) }),
  }),
  openaiChat: route({
    ...large,
    method: 'POST',
    path: '/v1/chat/completions',
    dialect: 'openai',
    text: 'OpenAI chat completions.',
    body: OpenAiChat,
  }),
  openaiCompletion: route({
    ...large,
    method: 'POST',
    path: '/v1/completions',
    dialect: 'openai',
    text: 'OpenAI completions: a model goes on with a text.',
    body: OpenAiCompletion,
  }),
  openaiEmbeddings: route({
    ...large,
    method: 'POST',
    path: '/v1/embeddings',
    dialect: 'openai',
    text: 'OpenAI embeddings.',
    body: OpenAiEmbeddings,
  }),
  openaiResponse: route({
    ...large,
    method: 'POST',
    path: '/v1/responses',
    dialect: 'openai',
    text: 'OpenAI responses; nothing is stored.',
    body: OpenAiResponse,
  }),
  fileCreate: route({
    ...batch,
    method: 'POST',
    path: '/v1/files',
    text: 'OpenAI files: a form with `file` and `purpose`, which is `batch`.',
    bodyBytes: maxFileBytes,
    form: true,
    answer: OpenAiId,
  }),
  fileList: route({
    ...batch,
    method: 'GET',
    path: '/v1/files',
    text: 'Own files, newest first.',
    query: OpenAiFileList,
  }),
  fileShow: route({ ...batch, method: 'GET', path: '/v1/files/:file', text: 'One of them.', params: fileParams }),
  fileContent: route({
    ...batch,
    method: 'GET',
    path: '/v1/files/:file/content',
    text: 'What is in it.',
    params: fileParams,
  }),
  fileDelete: route({
    ...batch,
    method: 'DELETE',
    path: '/v1/files/:file',
    text: 'Delete a file.',
    params: fileParams,
  }),
  batchCreate: route({
    ...batch,
    method: 'POST',
    path: '/v1/batches',
    text: 'OpenAI batches: requests of a file, answered when nobody else needs the machines.',
    body: OpenAiBatch,
    answer: OpenAiId,
  }),
  batchList: route({
    ...batch,
    method: 'GET',
    path: '/v1/batches',
    text: 'Own batches, newest first.',
    query: OpenAiBatchList,
  }),
  batchShow: route({ ...batch, method: 'GET', path: '/v1/batches/:batch', text: 'One of them.', params: batchParams }),
  batchCancel: route({
    ...batch,
    method: 'POST',
    path: '/v1/batches/:batch/cancel',
    text: 'End a batch; what is answered is kept.',
    params: batchParams,
  }),
  anthropicMessages: route({
    ...large,
    method: 'POST',
    path: '/v1/messages',
    dialect: 'anthropic',
    text: 'Anthropic messages.',
    body: AnthropicMessages,
  }),
  anthropicCount: route({
    ...large,
    method: 'POST',
    path: '/v1/messages/count_tokens',
    dialect: 'anthropic',
    text: 'The tokens of a request, estimated: each model counts in its own way.',
    body: AnthropicCount,
  }),
  ollamaVersion: route({
    method: 'GET',
    path: '/api/version',
    needs: 'models:ask',
    dialect: 'ollama',
    text: 'The version of the Ollama API that is spoken here.',
  }),
  ollamaTags: route({
    method: 'GET',
    path: '/api/tags',
    needs: 'models:ask',
    dialect: 'ollama',
    text: 'Models, tiers and agents that can be asked.',
  }),
  ollamaPs: route({
    method: 'GET',
    path: '/api/ps',
    needs: 'models:ask',
    dialect: 'ollama',
    text: 'Models that are loaded on a node.',
  }),
  ollamaShow: route({
    method: 'POST',
    path: '/api/show',
    needs: 'models:ask',
    dialect: 'ollama',
    text: 'What a model is and can do.',
    body: OllamaShow,
  }),
  ollamaChat: route({
    ...large,
    method: 'POST',
    path: '/api/chat',
    dialect: 'ollama',
    text: 'Ollama chat.',
    body: OllamaChat,
  }),
  ollamaGenerate: route({
    ...large,
    method: 'POST',
    path: '/api/generate',
    dialect: 'ollama',
    text: 'Ollama generate.',
    body: OllamaGenerate,
  }),
  ollamaEmbed: route({
    ...large,
    method: 'POST',
    path: '/api/embed',
    dialect: 'ollama',
    text: 'Ollama embed.',
    body: OllamaEmbed,
  }),
  ollamaEmbeddings: route({
    ...large,
    method: 'POST',
    path: '/api/embeddings',
    dialect: 'ollama',
    text: 'The older form of embed.',
    body: OllamaEmbeddings,
  }),
  ollamaPull: notHere('/api/pull', 'POST', 'a model is fetched to a node, with POST /v1/nodes/:node/pull'),
  ollamaPush: notHere('/api/push', 'POST', 'models are not published from here'),
  ollamaCreate: notHere('/api/create', 'POST', 'models are made on a node'),
  ollamaCopy: notHere('/api/copy', 'POST', 'models are named on a node'),
  ollamaDelete: notHere('/api/delete', 'DELETE', 'models are removed on a node'),
  routeExplain: route({
    method: 'POST',
    path: '/v1/route',
    needs: 'models:ask',
    text: 'Where a request to a model would be answered now, why there, and why not elsewhere. Nothing is asked.',
    body: RouteAsk,
    answer: RouteExplained,
  }),
};
