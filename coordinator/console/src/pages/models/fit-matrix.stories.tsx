// Every way a model stands to a class.
import type { CatalogueModel } from '@blackroad/protocol';
import type { Stories } from '../../kit/stories.ts';
import { FitMatrix } from './fit-matrix.tsx';

const GiB = 2 ** 30;
const model = (name: string, sizeBytes: number, classes: CatalogueModel['classes']): CatalogueModel => ({
  name,
  kind: 'chat',
  runtimes: ['ollama'],
  parametersB: 3,
  contextTokens: 8192,
  tools: true,
  sizeBytes,
  residentBytes: 0,
  tier: 'small',
  entry: null,
  neededBytes: sizeBytes,
  fits: [],
  fetchedOn: 0,
  pins: [],
  fetches: [],
  nodesOnDisk: 2,
  nodesResident: 1,
  classes,
  nodes: [],
  agents: { using: 12, wanting: 3 },
});
const here = (name: string, resident: number, measured: number) => ({
  class: name,
  nodes: 3,
  resident,
  decodeTps: 5.2,
  prefillTps: 40,
  measured,
});
const models = [model('qwen2.5:3b', 2 * GiB, [here('pi', 2, 3)]), model('llama3.1:8b', 5 * GiB, [here('gpu', 0, 0)])];

export const stories: Stories = {
  'every way': () => (
    <FitMatrix
      models={models}
      open={() => {}}
      classes={[
        { class: 'gpu', nodes: 1, memoryBytes: 72 * GiB, pulls: ['ollama'] },
        { class: 'micro', nodes: 2, memoryBytes: 0, pulls: [] },
        { class: 'pi', nodes: 5, memoryBytes: 4.7 * GiB, pulls: ['ollama'] },
      ]}
    />
  ),
  'nothing found': () => <FitMatrix models={[]} open={() => {}} classes={[]} />,
};
