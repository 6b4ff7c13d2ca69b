// The short forms in which people write an agent (`model: auto` for a list of one, `tools: [memory]`), made whole. Shared by the CLI and
// the console's editor; no schema is imported, so that a browser need not load one.

const lists = ['class', 'site', 'nodes', 'avoidAgents', 'nearAgents'];

/** A value that is not an object is returned unchanged: the check against the schema reports what is wrong with it. */
export function widened(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const given = { ...(value as Record<string, unknown>) };
  if (typeof given.model === 'string') given.model = [given.model];
  if (given.model === undefined) given.model = ['auto'];
  if (typeof given.placement === 'object' && given.placement !== null) {
    const placement = { ...(given.placement as Record<string, unknown>) };
    for (const key of lists) if (typeof placement[key] === 'string') placement[key] = [placement[key]];
    given.placement = placement;
  }
  if (Array.isArray(given.tools)) given.tools = given.tools.map((tool) => (typeof tool === 'string' ? { tool } : tool));
  return given;
}
