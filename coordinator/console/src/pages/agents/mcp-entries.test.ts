import t from 'tap';
import { mcpEntries, mcpGrants } from './mcp-entries.ts';

t.test('what is typed is kept as it is typed, also half of it', async (t) => {
  for (const entries of [[], ['ho'], ['home/'], ['home', 'home/a', 'files/b', 'home/c'], ['home/a/b']])
    t.same(mcpEntries(mcpGrants(entries)), entries);
  t.same(mcpGrants(['home/a', 'home/b', 'files']), [
    { tool: 'mcp', server: 'home', tools: ['a', 'b'] },
    { tool: 'mcp', server: 'files', tools: ['*'] },
  ]);
  t.same(mcpEntries([{ tool: 'memory' }, { tool: 'mcp', server: 'home', tools: ['*'] }]), ['home']);
});
