// The command that asks an agent: which one, what, and its answer into the output as it comes. In: the client of the fleet. Out: nothing but what
// the person sees; cancel takes the question back.
import type { Clock } from '@blackroad/std/clock';
import * as vscode from 'vscode';
import type { Client } from '../../../coordinator/cli/src/client.ts';
import { askAgent } from '../fleet/ask-agent.ts';
import { faultWords } from '../fleet/fault-words.ts';
import type { FleetState } from '../fleet/watch.ts';

interface AskCall {
  client: Client;
  clock: Clock;
  output: vscode.OutputChannel;
  state: FleetState;
  /** Null: the person chooses. */
  agent: string | null;
}

export async function askCommand({ client, clock, output, state, agent: given }: AskCall): Promise<void> {
  const agent = given ?? (await chosenAgent(client, state));
  if (agent === undefined) return;
  const prompt = await vscode.window.showInputBox({
    ...{ title: `Ask ${agent}`, prompt: 'What it is asked', ignoreFocusOut: true },
    validateInput: (text) => (text.trim() === '' ? 'Expected a question.' : null),
  });
  if (prompt === undefined) return;
  const options = { location: vscode.ProgressLocation.Notification, title: `${agent} answers`, cancellable: true };
  await vscode.window.withProgress(options, async (_, token) => {
    const abort = new AbortController();
    const listening = token.onCancellationRequested(() => abort.abort());
    output.show(true);
    output.append(`\n> ${agent}: ${prompt}\n\n`);
    const say = (text: string) => output.append(text);
    try {
      const { isAnswered, words } = await askAgent(client, { agent, prompt }, { clock, signal: abort.signal, say });
      output.append(`\n\n[${words}]\n`);
      if (!isAnswered && !abort.signal.aborted) void vscode.window.showErrorMessage(`${agent}: ${words}`);
    } catch (error) {
      output.append(`\n[${faultWords(error)}]\n`);
      void vscode.window.showErrorMessage(`${agent}: ${faultWords(error)}`);
    } finally {
      listening.dispose();
    }
  });
}

/** Undefined: the person gave up. A key that sees no agents may still ask one whose name is known. */
async function chosenAgent(client: Client, state: FleetState): Promise<string | undefined> {
  try {
    const agents = state.kind === 'live' ? state.seen.agents : await client.call('agents');
    if (agents.length === 0) {
      void vscode.window.showInformationMessage('The fleet has no agent yet: bin/fleet apply makes one of a file.');
      return undefined;
    }
    const items = agents.map(({ name, state, node, spec }) => ({
      ...{ label: name, description: node === null ? state : `${state} on ${node}` },
      ...(spec.description === undefined ? {} : { detail: spec.description }),
    }));
    return (await vscode.window.showQuickPick(items, { title: 'Fleet: Ask an agent', matchOnDetail: true }))?.label;
  } catch (error) {
    const prompt = `The name of the agent. (${faultWords(error)})`;
    return vscode.window.showInputBox({ title: 'Fleet: Ask an agent', prompt, ignoreFocusOut: true });
  }
}
