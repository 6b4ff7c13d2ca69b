// The option of Home Assistant: below which topic it discovers devices, and what is wrong with one. Pure.
import { discoveryPrefix, prefixFault } from '@blackroad/protocol';
import { OptionError } from '@blackroad/std/options';

export const homeAssistantOptions = {
  homeAssistant: {
    type: 'text',
    flag: 'home-assistant',
    env: 'BLACKROAD_HOME_ASSISTANT',
    default: discoveryPrefix,
    text: 'Topic below which Home Assistant discovers devices, as its MQTT integration has it: nodes, the fleet, and agents that ask for it appear there (docs/home-assistant.md). `off`: nothing is published for it.',
  },
} as const;

/** Null: it is off. @throws OptionError */
export function homePrefixOf({ homeAssistant }: { homeAssistant: string }): string | null {
  if (homeAssistant === 'off') return null;
  const fault = homeAssistant === '' ? 'a topic, or off' : prefixFault(homeAssistant);
  if (fault !== null)
    throw new OptionError(`--home-assistant: expected ${fault}, got ${JSON.stringify(homeAssistant.slice(0, 120))}.`);
  return homeAssistant;
}
