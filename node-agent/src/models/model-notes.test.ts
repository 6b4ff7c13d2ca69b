import t from 'tap';
import { type ModelPlaces, type ModelSituation, modelNotes, noModelText } from './model-notes.ts';

const places: ModelPlaces = {
  ollamaUrl: 'http://127.0.0.1:11434',
  openAiUrls: [],
  modelsDir: '/models',
  isServerNamed: false,
  isBooting: false,
  ollamaComing: null,
};
type Stand = ModelSituation['runtimes'][number];
const runtime = (over: Partial<Stand>): Stand => ({
  kind: 'llama',
  label: 'embedded llama.cpp with /models',
  standsIn: false,
  kinds: [],
  problem: null,
  notes: [],
  ...over,
});
const now = (runtimes: Stand[], over: Partial<ModelSituation> = {}): ModelSituation => ({
  runtimes,
  underWay: [],
  fetching: [],
  problems: [],
  runsModels: true,
  ...over,
});
const vllm = { kind: 'openai', label: 'vLLM at http://box:8000' } as const;
const ollama = { kind: 'ollama', label: 'ollama 0.12 at http://127.0.0.1:11434' } as const;
const gone = { code: 'unavailable', text: 'http://box:8000 does not answer: ECONNREFUSED' } as const;

t.test('while something installs Ollama, it says how far it is', (t) => {
  const coming = { ...places, ollamaComing: 'Ollama 0.34.4 is being fetched: 30 %' };
  t.match(modelNotes(now([runtime({})]), coming), ['Ollama 0.34.4 is being fetched: 30 %']);
  t.notMatch(modelNotes(now([runtime({})]), coming).join(), /no Ollama answers/);
  t.end();
});

t.test('a note goes when its cause is gone', (t) => {
  const empty = now([runtime({})]);
  t.strictSame(modelNotes(empty, places), [
    'no Ollama answers at http://127.0.0.1:11434',
    'models run in the embedded llama.cpp, from /models',
    'no chat model: agents cannot answer; put a GGUF file into /models',
    'no embedding model: memory is searched by words only; put a GGUF file into /models',
  ]);
  const fetching = { ...empty, underWay: ['chat', 'embed'] as const, fetching: ['qwen2.5-1.5b-instruct'] };
  t.match(modelNotes(fetching, places)[2], 'no chat model yet: one is being fetched');
  t.strictSame(modelNotes(now([runtime({ kinds: ['chat', 'embed'] })]), places), [
    'no Ollama answers at http://127.0.0.1:11434',
    'models run in the embedded llama.cpp, from /models',
  ]);
  t.strictSame(
    modelNotes(now([runtime({ kinds: ['chat', 'embed'] })]), { ...places, ollamaUrl: null }),
    ['models run in the embedded llama.cpp, from /models'],
    'no Ollama wanted, none missed',
  );
  t.end();
});

t.test('the fix fits the runtime', (t) => {
  const text = (stand: Stand) => modelNotes(now([stand, runtime({ standsIn: true })]), places).join('\n');
  t.match(text(runtime({ ...ollama, kinds: ['embed'] })), /no chat model: .*run "ollama pull qwen2.5:1.5b"/);
  t.match(text(runtime({ ...ollama, kinds: ['chat'] })), /no embedding model: .*run "ollama pull all-minilm"/);
  t.match(text(runtime({ ...vllm, kinds: ['embed'] })), /no chat model: .*start the server with a chat model/);
  t.notMatch(text(runtime({ ...vllm, kinds: ['embed'] })), /pull/);
  const away = text(runtime({ ...vllm, problem: gone }));
  t.match(away, /vLLM at http:\/\/box:8000 does not say .*ECONNREFUSED\): start the server/);
  t.notMatch(away, /pull|GGUF|found/, 'it has its models all the while');
  const key = text(runtime({ ...vllm, problem: { code: 'wrong-key', text: 'Unauthorized' } }));
  t.match(key, /refuses the API key: .*BLACKROAD_OPENAI_KEY.*--openai-key-file/);
  const paid = { kind: 'cloud', label: 'OpenAI at https://api.openai.com' } as const;
  t.match(
    text(runtime({ ...paid, problem: { code: 'no-credit', text: 'OpenAI wants money first: pay there' } })),
    /^OpenAI at .* gives no models: OpenAI wants money first: pay there$/m,
  );
  t.match(
    text(runtime({ ...vllm, kinds: ['chat'], notes: ['it calls no tools: --enable-auto-tool-choice'] })),
    /auto-tool/,
  );
  t.end();
});

t.test('the embedded runtime beside a server is named for what it serves', (t) => {
  const both = now([runtime({ ...vllm, kinds: ['chat'] }), runtime({ standsIn: true, kinds: ['embed'] })]);
  t.strictSame(modelNotes(both, places), [
    'found vLLM at http://box:8000',
    'vLLM at http://box:8000 has no embedding model: the one in /models is used',
  ]);
  const second = runtime({ ...vllm, label: 'vLLM at http://box:8001', problem: gone });
  t.strictSame(
    modelNotes(now([runtime({ ...vllm, kinds: ['chat', 'embed'] }), second]), { ...places, openAiUrls: ['http://c'] }),
    [
      'found vLLM at http://box:8000',
      'vLLM at http://box:8001 does not say which models it has (http://box:8000 does not answer: ECONNREFUSED): start the server, or look why it hangs',
      'the server given does not answer at http://c: start it, or correct its address',
    ],
    'of several servers each has its own',
  );
  t.end();
});

t.test('what keeps a chat model away, and nothing where one is or none should be', (t) => {
  const text = (stands: Stand[], over: Partial<ModelSituation> = {}, at: Partial<ModelPlaces> = {}) =>
    noModelText(now(stands, over), { ...places, ...at });
  t.equal(text([runtime({ kinds: ['chat'] })]), '');
  t.equal(text([runtime({})], { runsModels: false }), '', 'a class that runs none');
  t.match(text([runtime({})]), /embedded llama.cpp with \/models has none; put a GGUF file/);
  t.equal(text([runtime({})], { underWay: ['chat'], fetching: ['qwen'] }), 'qwen is being fetched');
  t.equal(
    text([runtime({})], { problems: [{ kind: 'chat', text: 'no chat model: no network' }] }),
    'no chat model: no network',
  );
  t.match(text([runtime({ ...vllm, problem: gone })]), /does not say which models it has/);
  const named = { isServerNamed: true, ollamaUrl: null, openAiUrls: ['http://box:8000'] };
  t.equal(
    text([runtime({})], {}, named),
    'the server given does not answer at http://box:8000: start it, correct its address, or leave it out to have a model fetched',
  );
  t.match(text([runtime({})], {}, { isBooting: true }), /has just started/);
  t.equal(noModelText(now([runtime({ label: 'simulated' })]), null), 'simulated has none');
  t.end();
});
