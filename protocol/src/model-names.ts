// Names of models, compared by the rules of their runtimes: Ollama ignores case, reads a name without a tag as `:latest` and one without a
// registry as of its own library. An exact match always wins: other servers distinguish `A` from `a`.

interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
}

const ownLibrary = /^(registry\.ollama\.ai\/)?library\//;
const latest = /:latest$/;
// A cache: a plan over ten thousand nodes compares the same few names many times.
const keys = new Map<string, string>();
const maxKeys = 10_000;

/** Equal for names of the same model; only for comparing, never for showing or sending. */
export function modelKey(name: string): string {
  let key = keys.get(name);
  if (key === undefined) {
    key = name.trim().toLowerCase().replace(ownLibrary, '').replace(latest, '');
    if (keys.size >= maxKeys) keys.clear();
    keys.set(name, key);
  }
  return key;
}

/** Whether the name that a person wrote means this model: by its own name or an alias. */
export function meansModel(wanted: string, { name, aliases }: Named): boolean {
  if (wanted === name || aliases.includes(wanted)) return true;
  const key = modelKey(wanted);
  return modelKey(name) === key || aliases.some((alias) => modelKey(alias) === key);
}

/** The model that the name means: an exact name wins over an exact alias, and that over names that differ in case or tag alone. */
export function findModel<M extends Named>(models: readonly M[], wanted: string): M | null {
  for (const model of models) if (model.name === wanted) return model;
  for (const model of models) if (model.aliases.includes(wanted)) return model;
  const key = modelKey(wanted);
  for (const model of models) if (modelKey(model.name) === key) return model;
  for (const model of models) if (model.aliases.some((alias) => modelKey(alias) === key)) return model;
  return null;
}
