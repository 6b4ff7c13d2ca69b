// What can be asked through the gateway: models that a node has, the tiers, and agents; in the forms of each dialect's lists. In: the
// committed view. Out: plain rows for answers.
import { isTierWish, modelKey, type NodeModel, tierNames, tierOf } from '@blackroad/protocol';
import type { Coordinator } from '../road/coordinator.ts';
import { agentIdOf, type View } from '../state/view.ts';
import { agentNamed, modelOfAgent } from './agent-answer.ts';
import type { Router } from './router.ts';

interface Askable {
  name: string;
  /** Of a tier and an agent: of one model that would answer, or null where none is there. */
  model: NodeModel | null;
  what: 'model' | 'tier' | 'agent';
  createdMs: number;
}
interface Sources {
  gateway: { router: Pick<Router, 'directory'> };
  coordinator: Pick<Coordinator, 'view'>;
}

export function askable({ gateway, coordinator }: Sources, space: string): Askable[] {
  const { view } = coordinator;
  const models = gateway.router.directory
    .all()
    .map(({ model }): Askable => ({ name: model.name, model, what: 'model', createdMs: view.startedMs }));
  const chats = models.filter(({ model }) => model?.kind === 'chat');
  const tiers = tierNames.flatMap((name): Askable[] => {
    const one = chats.find(({ model }) => model && (name === 'auto' || tierOf(model).name === name));
    return one ? [{ name, model: one.model, what: 'tier', createdMs: view.startedMs }] : [];
  });
  const agents = [...view.agents.values()]
    .filter((agent) => agent.space === space)
    .map(
      (agent): Askable => ({
        name: modelOfAgent(agent.spec.name),
        model: modelOfPlaced(view, agent.id),
        what: 'agent',
        createdMs: agent.createdMs,
      }),
    );
  return [...models, ...tiers, ...agents];
}

/** One of them by its name or an alias, without a list of all. */
export function askableNamed({ gateway, coordinator }: Sources, space: string, name: string): Askable | null {
  const { view } = coordinator;
  const agent = agentNamed(name);
  if (agent !== null) {
    const row = view.agents.get(agentIdOf(view, space, agent) ?? '');
    return row ? { name, model: modelOfPlaced(view, row.id), what: 'agent', createdMs: row.createdMs } : null;
  }
  const { directory } = gateway.router;
  const isTier = isTierWish(name);
  const [place] = isTier ? directory.ofTier(name, 'chat', null) : directory.named(name, null);
  return place ? { name, model: place.model, what: isTier ? 'tier' : 'model', createdMs: view.startedMs } : null;
}

function modelOfPlaced(view: View, id: string): NodeModel | null {
  const placement = view.agents.get(id)?.placement;
  if (!placement) return null;
  const models = view.live.get(placement.node)?.capacity?.models ?? [];
  return models.find((model) => modelKey(model.name) === modelKey(placement.model)) ?? null;
}

export const openaiRow = ({ name, createdMs, what }: Askable) => ({
  id: name,
  object: 'model',
  created: Math.floor(createdMs / 1000),
  owned_by: what === 'agent' ? 'agents of the fleet' : 'fleet',
});
export const openaiList = (all: readonly Askable[]) => ({ object: 'list', data: all.map(openaiRow) });

export const anthropicRow = ({ name, createdMs }: Askable) => ({
  type: 'model',
  id: name,
  display_name: name,
  created_at: new Date(createdMs).toISOString(),
});
export function anthropicList(all: readonly Askable[]) {
  const data = all.map(anthropicRow);
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

function detailsOf(model: NodeModel | null) {
  return {
    parent_model: '',
    format: 'gguf',
    family: '',
    families: null,
    parameter_size: model?.parametersB ? sizeWords(model.parametersB) : '',
    quantization_level: '',
  };
}
const sizeWords = (billions: number) =>
  billions < 1 ? `${Math.round(billions * 1000)}M` : `${Math.round(billions * 10) / 10}B`;
/** Ollama's clients cannot ask an embedding model to chat, and find that out by its capabilities alone. */
function capabilitiesOf(model: NodeModel | null): string[] {
  if (!model) return ['completion'];
  if (model.kind === 'embed') return ['embedding'];
  return ['completion', ...(model.tools ? ['tools'] : []), ...(model.sees ? ['vision'] : [])];
}
const ollamaRow = ({ name, model, createdMs }: Askable) => ({
  name,
  model: name,
  modified_at: new Date(createdMs).toISOString(),
  size: model?.sizeBytes ?? 0,
  digest: '',
  details: detailsOf(model),
  capabilities: capabilitiesOf(model),
});
export const ollamaTags = (all: readonly Askable[]) => ({ models: all.map(ollamaRow) });

export function ollamaDetails({ name, model, what, createdMs }: Askable) {
  const arch = 'fleet';
  return {
    modelfile: '',
    parameters: '',
    template: '',
    details: detailsOf(model),
    model_info: {
      'general.architecture': arch,
      'general.basename': name,
      'general.parameter_count': Math.round((model?.parametersB ?? 0) * 1e9),
      [`${arch}.context_length`]: model?.contextTokens ?? 0,
    },
    capabilities: what === 'agent' ? ['completion'] : capabilitiesOf(model),
    modified_at: new Date(createdMs).toISOString(),
  };
}

export function ollamaLoaded({ coordinator }: Pick<Sources, 'coordinator'>) {
  const loaded = new Map<string, NodeModel>();
  for (const { models } of [...coordinator.view.live.values()].flatMap(({ capacity }) => capacity ?? []))
    for (const model of models)
      if (model.resident && !loaded.has(modelKey(model.name))) loaded.set(modelKey(model.name), model);
  return {
    models: [...loaded.values()].map((model) => ({
      name: model.name,
      model: model.name,
      size: model.residentBytes,
      digest: '',
      details: detailsOf(model),
      // A node keeps a model for as long as something uses it.
      expires_at: '2318-01-01T00:00:00Z',
      size_vram: 0,
      context_length: model.contextTokens,
    })),
  };
}
