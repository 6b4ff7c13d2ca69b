// The names of the node and the agent inside an event's text, so that they can be links. A node and an agent may have one name: "alice goes
// to alice" means the agent first. Names that are missing in the text are put before it. Pure.
interface Part {
  text: string;
  of: 'node' | 'agent' | null;
}

/** The place of `name` as a whole word outside of the taken ranges; -1: none. */
function find(text: string, name: string, last: boolean, taken: number): number {
  const word = /[a-z0-9-]/i;
  const starts: number[] = [];
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const whole = !word.test(text[at - 1] ?? ' ') && !word.test(text[at + name.length] ?? ' ');
    if (whole && at !== taken) starts.push(at);
  }
  return (last ? starts.at(-1) : starts[0]) ?? -1;
}

export function namesIn(text: string, node: string | null, agent: string | null): Part[] {
  const agentAt = agent === null ? -1 : find(text, agent, false, -1);
  const nodeAt = node === null ? -1 : find(text, node, agent === node, agentAt);
  const marks = [
    ...(agent !== null && agentAt >= 0 ? [{ at: agentAt, name: agent, of: 'agent' as const }] : []),
    ...(node !== null && nodeAt >= 0 ? [{ at: nodeAt, name: node, of: 'node' as const }] : []),
  ].sort((a, b) => a.at - b.at);
  const parts: Part[] = [];
  if (node !== null && nodeAt < 0) parts.push({ text: node, of: 'node' }, { text: ' ', of: null });
  if (agent !== null && agentAt < 0) parts.push({ text: agent, of: 'agent' }, { text: ' ', of: null });
  let from = 0;
  for (const { at, name, of } of marks) {
    if (at > from) parts.push({ text: text.slice(from, at), of: null });
    parts.push({ text: name, of });
    from = at + name.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), of: null });
  return parts;
}
