import t from 'tap';
import { billionsIn, entryOfServed } from './served-name.ts';

t.test('a model of the catalogue is known under whatever name it is served', async (t) => {
  const rows: [string, string | undefined][] = [
    ['smollm2-135m', 'smollm2-135m-instruct'],
    ['HuggingFaceTB/SmolLM2-135M-Instruct', 'smollm2-135m-instruct'],
    ['/models/SmolLM2-135M-Instruct/', 'smollm2-135m-instruct'],
    ['Qwen/Qwen2.5-7B-Instruct-AWQ', 'qwen2.5-7b-instruct'],
    ['Qwen2.5-1.5B-Instruct-GPTQ-Int4', 'qwen2.5-1.5b-instruct'],
    ['qwen2.5-0.5b-instruct-q4_k_m.gguf', 'qwen2.5-0.5b-instruct'],
    ['llama3.2:1b', 'llama-3.2-1b-instruct'],
    ['mistralai/Mistral-7B-Instruct-v0.3', undefined],
    ['', undefined],
  ];
  for (const [name, id] of rows) t.equal(entryOfServed(name)?.id, id, name);
});

t.test('billions in a name', async (t) => {
  const rows: [string, number][] = [
    ['Qwen/Qwen2.5-7B-Instruct', 7],
    ['smollm2-135m', 0.135],
    ['mistralai/Mixtral-8x7B-Instruct-v0.1', 56],
    ['llama3.2:1b', 1],
    ['gemma-3-270m-it', 0.27],
    ['phi_3.8B', 3.8],
    ['gpt-4o', 0],
    ['my-model', 0],
    ['4bit-model', 0],
  ];
  for (const [name, billions] of rows) t.equal(Math.round(billionsIn(name) * 1000) / 1000, billions, name);
});
