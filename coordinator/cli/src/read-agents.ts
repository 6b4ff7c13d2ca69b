// Reads the agents of a file that a person named, or of standard input.
import { readFileSync } from 'node:fs';
import { type AgentSpec, FleetError } from '@blackroad/protocol';
import { readAgentFile } from '@blackroad/protocol/agent-file';

/** `-` is standard input; `flag` is the flag that named the file, for errors. @throws FleetError invalid-request */
export function readAgents(file: string, flag: string): AgentSpec[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    const detail = `${flag}: cannot read ${file}: ${(cause as Error).message}`;
    throw new FleetError('invalid-request', { detail }, { cause });
  }
  return readAgentFile(text, file);
}
