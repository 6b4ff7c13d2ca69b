// OpenAI's embeddings. The official clients ask for base64, which is what nodes send.
import type { OpenAiEmbeddings } from '@blackroad/protocol';
import { openaiLacks } from '@blackroad/protocol';
import { type Dialect, modelsOf, refuseLacking } from './dialect.ts';

export const openaiEmbeddings: Dialect<OpenAiEmbeddings> = {
  streamType: 'application/x-ndjson',
  stream: null,
  read(body) {
    refuseLacking(body, openaiLacks.embeddings);
    return {
      models: modelsOf(body.model, body.models),
      answers: 1,
      stream: false,
      session: null,
      request: { kind: 'embed', texts: typeof body.input === 'string' ? [body.input] : body.input },
    };
  },
  whole(body, told, [answer]) {
    const tokens = answer?.usage.promptTokens ?? 0;
    return {
      object: 'list',
      data: (answer?.vectors ?? []).map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: body.encoding_format === 'base64' ? vector : floatsOf(vector),
      })),
      model: told.model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  },
};

export function floatsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readFloatLE(i * 4));
}
