// Routes of the model cache. Models themselves are read at ports of its own (docs/models.md), not here.
import { CacheFreed, CacheRemove, ModelCacheView } from '../model-cache.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

export const modelCacheRoutes = {
  modelCache: route({
    method: 'GET',
    path: '/v1/model-cache',
    needs: 'models:read',
    text: 'What the model cache holds, and what it has spared.',
    answer: ModelCacheView,
  }),
  modelCacheRemove: route({
    method: 'POST',
    path: '/v1/model-cache/remove',
    needs: 'models:write',
    text: 'Removes a name from the model cache, with the content that no other name has; refused while it is read.',
    body: CacheRemove,
    answer: CacheFreed,
  }),
  modelCachePrune: route({
    method: 'POST',
    path: '/v1/model-cache/prune',
    needs: 'models:write',
    text: 'Removes from the model cache what no name has, and what interrupted fetches left.',
    body: Type.Object({}, { additionalProperties: false, default: {} }),
    answer: CacheFreed,
  }),
};
