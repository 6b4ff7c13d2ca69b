// What a program needs to use this fleet as its model server: ready to copy, with the reader's own address, key and model. Pure.

/** The programs for which a request of the reader's own can be written. */
export const requestPrograms = [
  ['curl', 'curl'],
  ['python', 'Python'],
  ['typescript', 'TypeScript'],
] as const;
export type RequestProgram = (typeof requestPrograms)[number][0];
export const programs = [
  ...requestPrograms,
  ['anthropic', 'Anthropic'],
  ['ollama', 'Ollama'],
  ['home-assistant', 'Home Assistant'],
  ['open-webui', 'Open WebUI'],
  ['continue', 'Continue'],
] as const;
type Program = (typeof programs)[number][0];

interface Ways {
  /** Of the coordinator, without a slash at its end. */
  address: string;
  key: string;
  model: string;
}
interface Snippet {
  /** What to do with it, in a sentence. */
  text: string;
  code: string;
}

export const noKey = 'brk_...';

const snippets: Record<Program, (ways: Ways) => Snippet[]> = {
  curl: ({ address, key, model }) => [
    {
      text: 'A question, answered as it is written.',
      code: `curl -N ${address}/v1/chat/completions \\
  -H "authorization: Bearer ${key}" \\
  -H "content-type: application/json" \\
  -d '{"model": "${model}", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
  ],
  python: ({ address, key, model }) => [
    { text: 'The client of OpenAI.', code: 'pip install openai' },
    {
      text: 'Any library that takes a base URL and a key works alike: LangChain, LlamaIndex, LiteLLM.',
      code: `from openai import OpenAI

client = OpenAI(base_url="${address}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
    },
  ],
  typescript: ({ address, key, model }) => [
    { text: 'The client of OpenAI.', code: 'npm install openai' },
    {
      text: 'A question, answered as it is written.',
      code: `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${address}/v1', apiKey: '${key}' });
const answer = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'Hello' }],
  stream: true,
});
for await (const piece of answer) process.stdout.write(piece.choices[0]?.delta.content ?? '');`,
    },
  ],
  anthropic: ({ address, key, model }) => [
    {
      text: 'For programs of Anthropic’s API, coding agents among them: these two variables, and the name of the model.',
      code: `export ANTHROPIC_BASE_URL=${address}
export ANTHROPIC_API_KEY=${key}`,
    },
    {
      text: 'The same by hand.',
      code: `curl ${address}/v1/messages \\
  -H "x-api-key: ${key}" -H "anthropic-version: 2023-06-01" \\
  -H "content-type: application/json" \\
  -d '{"model": "${model}", "max_tokens": 200, "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
  ],
  ollama: ({ address, key, model }) => [
    {
      text: 'For programs that know only the address of an Ollama: the key is a part of it.',
      code: `${address}/key/${key}`,
    },
    {
      text: 'The same by hand.',
      code: `curl ${address}/key/${key}/api/chat \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
  ],
  'home-assistant': ({ address, key, model }) => [
    {
      text: 'Settings, Devices & services, Add integration, Ollama. This is its URL:',
      code: `${address}/key/${key}`,
    },
    { text: 'Then choose this model for the conversation agent:', code: model },
  ],
  'open-webui': ({ address, key }) => [
    {
      text: 'Start it with the fleet as its OpenAI API; it lists models, tiers and agents by itself.',
      code: `docker run -d --network host \\
  -e OPENAI_API_BASE_URL=${address}/v1 \\
  -e OPENAI_API_KEY=${key} \\
  -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main`,
    },
  ],
  continue: ({ address, key, model }) => [
    {
      text: 'In ~/.continue/config.yaml:',
      code: `models:
  - name: fleet
    provider: openai
    model: ${model}
    apiBase: ${address}/v1
    apiKey: ${key}`,
    },
  ],
};

export function snippetsFor(program: Program, ways: Ways): Snippet[] {
  return snippets[program](ways);
}

/** One request to the chat completions of OpenAI's API, as a program. */
export function requestAs(
  program: RequestProgram,
  { address, key }: Pick<Ways, 'address' | 'key'>,
  body: object,
): string {
  const json = JSON.stringify(body, null, 2);
  switch (program) {
    case 'python':
      return `from openai import OpenAI

client = OpenAI(base_url="${address}/v1", api_key="${key}")
answer = client.chat.completions.create(
${Object.entries(body)
  .map(([name, value]) => `    ${name}=${asPython(value, '    ')},`)
  .join('\n')}
)
print(answer.choices[0].message.content)`;
    case 'typescript':
      return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${address}/v1', apiKey: '${key}' });
const answer = await client.chat.completions.create(${json});
console.log(answer.choices[0]?.message.content);`;
    case 'curl':
      // A quoted end mark: the shell takes everything up to it as it is.
      return `curl ${address}/v1/chat/completions \\
  -H "authorization: Bearer ${key}" \\
  -H "content-type: application/json" \\
  -d @- <<'JSON'
${json}
JSON`;
  }
}

/** A value of JSON as Python writes it. JSON's texts are texts of Python, too. */
function asPython(value: unknown, indent: string): string {
  const inner = `${indent}    `;
  const lines = (all: string[], open: string, close: string) =>
    all.length === 0 ? open + close : `${open}\n${all.map((each) => `${inner}${each},`).join('\n')}\n${indent}${close}`;
  if (Array.isArray(value))
    return lines(
      value.map((each) => asPython(each, inner)),
      '[',
      ']',
    );
  if (typeof value === 'object' && value !== null)
    return lines(
      Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${asPython(each, inner)}`),
      '{',
      '}',
    );
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? 'None' : JSON.stringify(value);
}
