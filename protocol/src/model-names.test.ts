import t from 'tap';
import { findModel, meansModel, modelKey } from './model-names.ts';

t.test('names that Ollama takes for one model are one', (t) => {
  for (const name of ['llama3.2', 'Llama3.2', 'llama3.2:latest', ' LLAMA3.2:Latest', 'library/llama3.2'])
    t.equal(modelKey(name), 'llama3.2', name);
  t.equal(modelKey('registry.ollama.ai/library/Qwen2.5:3B'), 'qwen2.5:3b');
  t.not(modelKey('llama3.2:3b'), modelKey('llama3.2'), 'another tag is another model');
  t.equal(
    modelKey('registry.local:5000/library/tiny:1b'),
    'registry.local:5000/library/tiny:1b',
    'of another registry',
  );
  t.end();
});

t.test('an exact name wins over one that differs in case', (t) => {
  const models = [
    { name: 'Lora-A', aliases: [] },
    { name: 'lora-a', aliases: ['small'] },
  ];
  t.equal(findModel(models, 'lora-a')?.name, 'lora-a');
  t.equal(findModel(models, 'Lora-A')?.name, 'Lora-A');
  t.equal(findModel(models, 'LORA-A')?.name, 'Lora-A', 'then the first');
  t.equal(findModel(models, 'SMALL:latest')?.name, 'lora-a');
  t.equal(findModel(models, 'auto'), null);
  t.ok(meansModel('Llama3.2:3B', { name: 'llama3.2:3b', aliases: [] }));
  t.notOk(meansModel('llama3.2:1b', { name: 'llama3.2:3b', aliases: ['llama3.2'] }));
  t.end();
});
