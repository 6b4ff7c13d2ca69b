// Shell completion for bash, zsh and fish, made from the verb table; names of nodes and agents are asked of the fleet.
import { type Verb, wrongUse } from './verb.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export function completionScript(shell: string): string {
  if (shell === 'bash') {
    return `_fleet() {
  local IFS=$'\\n'
  COMPREPLY=( $(fleet complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o default -F _fleet fleet
`;
  }
  if (shell === 'zsh') {
    return `#compdef fleet
_fleet() {
  local -a found
  found=("\${(@f)$(fleet complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _fleet fleet
`;
  }
  if (shell === 'fish') {
    return `complete -c fleet -f -a '(fleet complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`;
  }
  throw wrongUse(`<shell>: expected one of ${shells.join(', ')}, got ${JSON.stringify(shell)}.`);
}

/** Words that may stand where the last word of `typed` stands. `names` asks the fleet. */
export async function completions(
  typed: string[],
  verbs: readonly Verb[],
  names: (what: NonNullable<Verb['completes']>) => Promise<string[]>,
): Promise<string[]> {
  const last = typed.at(-1) ?? '';
  const before = typed.slice(0, -1).filter((word) => !word.startsWith('-'));
  const verb = verbs
    .filter(({ words }) => words.split(' ').every((word, i) => before[i] === word))
    .toSorted((a, b) => b.words.length - a.words.length)[0];
  const found = new Set<string>();
  if (last.startsWith('-')) {
    for (const flag of ['json', 'help', ...Object.keys(verb?.flags ?? {})]) found.add(`--${flag}`);
  } else {
    for (const { words } of verbs) {
      const parts = words.split(' ');
      if (parts.length > before.length && before.every((word, i) => parts[i] === word))
        found.add(parts[before.length] as string);
    }
    const isFirstArgument = verb && before.length === verb.words.split(' ').length;
    if (verb?.completes && isFirstArgument) for (const name of await names(verb.completes)) found.add(name);
  }
  return [...found].filter((word) => word.startsWith(last)).sort();
}
