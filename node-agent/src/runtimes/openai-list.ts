// The list of models of a server of the dialect, as the fleet has it. vLLM lists a model once for each of its names, and each adapter (LoRA)
// as a model of its own: the first are one model with aliases, the second share the slots and the memory of their model. Pure.

interface ListedModel {
  id: string;
  aliases?: string[];
  owned_by?: string;
  /** vLLM's folder or repository of the weights; the id may be any name. */
  root?: string;
  /** vLLM: the model that this is an adapter of. */
  parent?: string | null;
  max_model_len?: number;
  meta?: { n_ctx?: number; n_params?: number; size?: number; n_embd?: number };
}
export interface NamedModel {
  row: ListedModel;
  /** Further names of the same model. */
  names: string[];
  /** The model that it is an adapter of. */
  base?: ListedModel;
}

/** `rows` is what the server sent. Null: it is no list. */
export function modelsIn(rows: unknown): NamedModel[] | null {
  if (!Array.isArray(rows)) return null;
  const listed = rows.filter((row): row is ListedModel => typeof row?.id === 'string');
  const models: NamedModel[] = [];
  for (const row of listed.filter(({ parent }) => !parent)) {
    const same = row.owned_by === 'vllm' && row.root ? models.find((each) => each.row.root === row.root) : undefined;
    if (same) same.names.push(row.id);
    else models.push({ row, names: [...(row.aliases ?? [])] });
  }
  const bases = [...models];
  for (const row of listed.filter(({ parent }) => parent)) {
    const base =
      bases.find((each) => each.row.id === row.parent || each.names.includes(row.parent as string)) ?? bases[0];
    models.push({ row, names: [], ...(base ? { base: base.row } : {}) });
  }
  return models;
}
