import t from 'tap';
import { programs, requestAs, requestPrograms, snippetsFor } from './snippets.ts';

t.test('each program gets the address and the key of its reader', async (t) => {
  const ways = { address: 'https://fleet.home:8401', key: 'brk_k_s', model: 'agent/greeter' };
  for (const [program, name] of programs) {
    const all = snippetsFor(program, ways)
      .map(({ code }) => code)
      .join('\n');
    t.match(all, 'https://fleet.home:8401', name);
    t.match(all, 'brk_k_s', name);
  }
});

t.test('a request of one’s own as a program', async (t) => {
  const ways = { address: 'https://fleet.home:8401', key: 'brk_k_s' };
  const body = {
    model: 'auto',
    messages: [{ role: 'user', content: 'It\'s "so"\nJSON' }],
    temperature: 0,
    tools: [{ strict: true, default: null, required: [] }],
  };
  t.same(
    requestPrograms.map(([id]) => id),
    ['curl', 'python', 'typescript'],
  );
  const curl = requestAs('curl', ways, body);
  t.same(JSON.parse(/<<'JSON'\n([\s\S]*)\nJSON$/.exec(curl)?.[1] ?? ''), body, 'the shell changes nothing of it');
  t.match(curl, 'https://fleet.home:8401/v1/chat/completions');
  t.match(requestAs('typescript', ways, body), JSON.stringify(body, null, 2));
  t.equal(
    requestAs('python', ways, body),
    `from openai import OpenAI

client = OpenAI(base_url="https://fleet.home:8401/v1", api_key="brk_k_s")
answer = client.chat.completions.create(
    model="auto",
    messages=[
        {
            "role": "user",
            "content": "It's \\"so\\"\\nJSON",
        },
    ],
    temperature=0,
    tools=[
        {
            "strict": True,
            "default": None,
            "required": [],
        },
    ],
)
print(answer.choices[0].message.content)`,
  );
});
