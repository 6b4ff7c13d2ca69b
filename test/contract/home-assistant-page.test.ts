import { readFileSync } from 'node:fs';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import t from 'tap';
import { homeAssistantPagePath, renderHomeAssistantPage } from './home-assistant-page.ts';

const page = readFileSync(homeAssistantPagePath, 'utf8');

t.test('docs/home-assistant.md has every entity as the table has it', async (t) => {
  t.equal(page, renderHomeAssistantPage(page), 'run `make docs`');
  t.match(page, '| Cordon | `cordon` | switch |');
});

t.test('its agent is one', async (t) => {
  const [agent = ''] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  t.match(readAgentFile(agent, 'greeter.yaml'), [{ name: 'greeter', homeAssistant: true }]);
});
