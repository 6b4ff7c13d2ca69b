// The command that signs in: the address, the key, the CA where there is one, and a look whether the coordinator knows the key. In: what a person
// types. Out: the place of the fleet; null where the person gave up.
import * as vscode from 'vscode';
import { createClient } from '../../../coordinator/cli/src/client.ts';
import type { FleetPlace } from '../../../coordinator/cli/src/find-fleet.ts';
import { faultWords } from '../fleet/fault-words.ts';
import { addressFault, addressOf, caFault, keyFault, maxCaBytes } from '../fleet/place.ts';

const title = 'Fleet: Sign in';
const again = 'Try again';
const fromFile = "Choose the fleet's ca.pem";
const known = 'This machine trusts its certificate already';

export async function signIn(before: FleetPlace | null): Promise<FleetPlace | null> {
  let address = before?.url ?? 'http://127.0.0.1:8400';
  for (;;) {
    const typed = await vscode.window.showInputBox({
      title,
      prompt:
        'Address of the coordinator: http://127.0.0.1:8400 on its own machine, https://<coordinator>:8401 from another',
      value: address,
      ignoreFocusOut: true,
      validateInput: addressFault,
    });
    if (typed === undefined) return null;
    address = addressOf(typed);
    const key = await vscode.window.showInputBox({
      title,
      prompt: 'Key: what bin/fleet keys create editor --role operator prints',
      password: true,
      ignoreFocusOut: true,
      validateInput: keyFault,
    });
    if (key === undefined) return null;
    const ca = address.startsWith('https:') ? await chosenCa() : null;
    if (ca === undefined) return null;
    const place = { url: address, key: key.trim(), ca };
    const fault = await tried(place);
    if (fault === null) return place;
    if ((await vscode.window.showErrorMessage(fault, again)) !== again) return null;
  }
}

/** Null: none is needed; undefined: the person gave up. */
async function chosenCa(): Promise<string | null | undefined> {
  const choice = await vscode.window.showQuickPick([fromFile, known], {
    title,
    placeHolder: "The coordinator's certificate is signed by the fleet's own CA",
    ignoreFocusOut: true,
  });
  if (choice === undefined) return undefined;
  if (choice === known) return null;
  for (;;) {
    const [file] = (await vscode.window.showOpenDialog({ title: fromFile, canSelectMany: false })) ?? [];
    if (file === undefined) return undefined;
    const fault = await pemOf(file);
    if ('pem' in fault) return fault.pem;
    if ((await vscode.window.showErrorMessage(fault.words, again)) !== again) return undefined;
  }
}
async function pemOf(file: vscode.Uri): Promise<{ pem: string } | { words: string }> {
  try {
    const { size } = await vscode.workspace.fs.stat(file);
    if (size > maxCaBytes) return { words: `CA: expected a file of at most ${maxCaBytes} bytes, got ${size}.` };
    const pem = Buffer.from(await vscode.workspace.fs.readFile(file)).toString('utf8');
    const words = caFault(pem);
    return words === null ? { pem } : { words };
  } catch (error) {
    return { words: faultWords(error) };
  }
}

/** Null: the coordinator knows the key. */
async function tried(place: FleetPlace): Promise<string | null> {
  const options = { location: vscode.ProgressLocation.Notification, title: `${place.url} is asked` };
  return vscode.window.withProgress(options, async () => {
    try {
      const { name, roles } = await createClient(place).call('me');
      void vscode.window.showInformationMessage(`Signed in to ${place.url} as ${name} (${roles.join(', ')}).`);
      return null;
    } catch (error) {
      return faultWords(error);
    }
  });
}
