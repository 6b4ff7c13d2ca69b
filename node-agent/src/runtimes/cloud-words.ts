// What people read of a paid API: its name, its refusals with their cures, and a note for a model that it does not have.
import type { RuntimeErrorCode } from '@blackroad/model-server/runtime-error';

export const cloudNames = { openai: 'OpenAI', anthropic: 'Anthropic' } as const;

/** A refusal of the key is told in our words alone: a provider quotes parts of the key. */
export function cloudRefusal(code: RuntimeErrorCode, name: string, said: string): string {
  switch (code) {
    case 'wrong-key':
      return `${name} refuses the API key: put a valid one into the file of --cloud-key-file (or BLACKROAD_CLOUD_KEY) and restart the node-agent`;
    case 'no-credit':
      return `${name} wants money first (it says: ${said}). Nothing is asked there any more: pay or raise the limit there, then restart the node-agent`;
    case 'rate-limited':
      return `${name} was asked too much lately (it says: ${said})`;
    case 'provider-overloaded':
      return `${name} is overloaded (it says: ${said})`;
    default:
      return said;
  }
}

export function missingNote(name: string, model: string): string {
  return `${name} does not give ${model} to this key: take it out of --cloud-models, or look at its page of models there for the right name`;
}
