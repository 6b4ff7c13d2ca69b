// Shell completion for bash, zsh and fish, made from the verb table; names of nodes and agents come from the API. The scripts call the
// command by the path that was typed (`bin/fleet`, a full path, or a link on the PATH), so that all of them complete.
import { everyFlag } from './help.ts';
import { findVerb, splitFlags } from './typed-line.ts';
import { type Verb, wrongUse } from './verb.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export function completionScript(shell: string): string {
  if (shell === 'bash') {
    return `_fleet() {
  local IFS=$'\\n'
  COMPREPLY=( $("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o default -F _fleet fleet
`;
  }
  if (shell === 'zsh') {
    return `#compdef fleet
_fleet() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _fleet fleet
`;
  }
  if (shell === 'fish') {
    return `complete -c fleet -f -a '((commandline -opc)[1] complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`;
  }
  throw wrongUse(`<shell>: expected one of ${shells.join(', ')}, got ${JSON.stringify(shell)}.`);
}

/** Words that may complete the last word of `typed`. `names` asks the API. */
export async function completions(
  typed: string[],
  verbs: readonly Verb[],
  names: (what: NonNullable<Verb['completes']>) => Promise<string[]>,
): Promise<string[]> {
  const last = typed.at(-1) ?? '';
  const { words } = splitFlags(typed.slice(0, -1));
  const verb = findVerb(verbs, words)?.verb;
  const flags = { ...everyFlag, ...verb?.flags };
  const flagBefore = flags[typed.at(-2)?.replace(/^--/, '') ?? ''];
  const found = new Set<string>();
  if (typed.at(-2)?.startsWith('--') && flagBefore?.type === 'string') {
    for (const value of flagBefore.values ?? []) found.add(value);
  } else if (last.startsWith('-')) {
    for (const flag of Object.keys(flags)) found.add(`--${flag}`);
  } else {
    const before = withoutFlags(words, flags);
    for (const { words: own } of verbs) {
      const parts = own.split(' ');
      if (parts.length > before.length && before.every((word, i) => parts[i] === word))
        found.add(parts[before.length] as string);
    }
    const isFirstArgument = verb && before.length === verb.words.split(' ').length;
    if (verb && isFirstArgument && verb.words === 'completion') for (const shell of shells) found.add(shell);
    if (verb?.completes && isFirstArgument) for (const name of await names(verb.completes)) found.add(name);
  }
  return [...found].filter((word) => word.startsWith(last)).sort();
}

/** The words of a line without the flags of the verb and their values. */
function withoutFlags(words: readonly string[], flags: Verb['flags'] = {}): string[] {
  const bare: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (!word.startsWith('-')) bare.push(word);
    else {
      const flag = Object.entries(flags).find(([name, { short }]) => word === `--${name}` || word === `-${short}`)?.[1];
      if (flag?.type === 'string') i++;
    }
  }
  return bare;
}
