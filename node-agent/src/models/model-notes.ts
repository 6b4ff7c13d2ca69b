// Notes for people on the models of a node, in plain words: what was found, what is missing and what would fix it. Pure: made again after
// every look at the runtimes, so that a note ends with its cause.

import type { RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import type { RuntimeKind } from '../runtimes/runtime.ts';
import type { ModelKind } from './default-models.ts';

export interface ModelSituation {
  runtimes: readonly {
    kind: RuntimeKind;
    label: string;
    standsIn: boolean;
    /** Kinds of the models it serves now. */
    kinds: readonly ModelKind[];
    /** Why it lists no models now. */
    problem: { code: RuntimeErrorCode | null; text: string } | null;
    /** Its own texts on what its server refused. */
    notes: readonly string[];
  }[];
  /** Models of the default kinds that are being fetched. */
  underWay: readonly ModelKind[];
  /** Models that are being fetched, by name. */
  fetching: readonly string[];
  /** Why default models could not be fetched. */
  problems: readonly { kind: ModelKind; text: string }[];
  /** Whether machines of its class run models themselves. */
  runsModels: boolean;
}
/** The places where models are looked for on this machine. */
export interface ModelPlaces {
  /** Null: no Ollama is looked for. */
  ollamaUrl: string | null;
  /** Servers that were given and did not answer so far. */
  openAiUrls: readonly string[];
  /** How far the installation of Ollama is, in its own words; null: nothing installs one here. */
  ollamaComing: string | null;
  modelsDir: string;
  /** A person named that server: the node waits for it, and fetches nothing in its place. */
  isServerNamed: boolean;
  /** The machine started a moment ago: a model server may still start, and until then nothing is fetched. */
  isBooting: boolean;
}

const words = {
  chat: { what: 'chat model', lost: 'agents cannot answer', example: 'qwen2.5:1.5b' },
  embed: { what: 'embedding model', lost: 'memory is searched by words only', example: 'all-minilm' },
} as const;
const bootingText = 'the machine has just started: one is fetched if no model server answers soon';
const serverKinds: readonly RuntimeKind[] = ['ollama', 'openai', 'cloud'];

export function modelNotes(now: ModelSituation, places: ModelPlaces): string[] {
  const servers = now.runtimes.filter(({ kind }) => serverKinds.includes(kind));
  const notes =
    servers.length > 0
      ? [
          ...servers.flatMap(serverNotes),
          ...places.openAiUrls.map((url) => `${awayText(url)}: start it, or correct its address`),
        ]
      : [...absentNotes(places), ...embeddedNotes(now, places)];
  for (const kind of ['chat', 'embed'] as const) notes.push(...kindNotes(kind, now, places));
  return [...notes, ...now.runtimes.flatMap((runtime) => runtime.notes)];
}

/** Why there is no chat model; empty when there is one, or when there should be none. */
export function noModelText(now: ModelSituation, places: ModelPlaces | null): string {
  if (!now.runsModels || now.runtimes.some(({ kinds }) => kinds.includes('chat'))) return '';
  const silent = now.runtimes.find(({ problem, standsIn }) => problem && !standsIn);
  if (silent) return silentText(silent);
  if (now.underWay.includes('chat')) return fetchingText(now, 'it is being fetched');
  const failed = now.problems.find(({ kind }) => kind === 'chat');
  if (failed) return failed.text;
  if (places?.isServerNamed && !now.runtimes.some(({ kind }) => serverKinds.includes(kind)))
    return absentNotes(places).join('; ');
  if (now.fetching.length > 0) return fetchingText(now, '');
  if (places?.isBooting) return bootingText;
  const server = now.runtimes.find(({ standsIn }) => !standsIn);
  if (!server) return 'no runtime was found';
  return places ? `${server.label} has none; ${cureFor('chat', server.kind, places)}` : `${server.label} has none`;
}

const fetchingText = ({ fetching: [first] }: ModelSituation, otherwise: string) =>
  first === undefined ? otherwise : `${first} is being fetched`;

function serverNotes(server: ModelSituation['runtimes'][number]): string[] {
  return [server.problem ? silentText(server) : `found ${server.label}`];
}

/** Why a runtime that should serve models does not, with the fix. */
export function silentText({ label, problem, kind }: ModelSituation['runtimes'][number]): string {
  if (kind === 'cloud') return `${label} gives no models: ${problem?.text ?? ''}`;
  if (problem?.code === 'wrong-key')
    return `${label} refuses the API key: give the one it was started with as BLACKROAD_OPENAI_KEY, or in a file named by --openai-key-file`;
  const cure =
    kind === 'llama' ? '' : `: ${kind === 'ollama' ? 'start Ollama' : 'start the server'}, or look why it hangs`;
  return `${label} does not say which models it has (${problem?.text ?? ''})${cure}`;
}

const absenceCure = 'start it, correct its address, or leave it out to have a model fetched';
const awayText = (url: string) => `the server given does not answer at ${url}`;

function absentNotes({ ollamaUrl, openAiUrls, ollamaComing, isServerNamed }: ModelPlaces): string[] {
  if (ollamaComing !== null) return [ollamaComing, ...openAiUrls.map((url) => `${awayText(url)}: ${absenceCure}`)];
  if (openAiUrls.length > 0)
    return [
      ...openAiUrls.map((url) => `${awayText(url)}: ${absenceCure}`),
      ...(ollamaUrl ? [`no Ollama answers at ${ollamaUrl}`] : []),
    ];
  return ollamaUrl ? [`no Ollama answers at ${ollamaUrl}${isServerNamed ? `: ${absenceCure}` : ''}`] : [];
}

function embeddedNotes({ runtimes }: ModelSituation, { modelsDir }: ModelPlaces): string[] {
  return runtimes.some(({ kind }) => kind === 'llama')
    ? [`models run in the embedded llama.cpp, from ${modelsDir}`]
    : [];
}

function kindNotes(kind: ModelKind, now: ModelSituation, places: ModelPlaces): string[] {
  const { what, lost } = words[kind];
  const having = now.runtimes.find(({ kinds }) => kinds.includes(kind));
  if (having) {
    const server = now.runtimes.find(({ standsIn }) => !standsIn);
    return having.standsIn && server ? [`${server.label} has no ${what}: the one in ${places.modelsDir} is used`] : [];
  }
  if (!now.runsModels || now.runtimes.some(({ problem, standsIn }) => problem && !standsIn)) return [];
  if (now.underWay.includes(kind)) return [`no ${what} yet: one is being fetched`];
  const failed = now.problems.find((problem) => problem.kind === kind);
  if (failed) return [failed.text];
  if (places.isBooting) return [`no ${what} yet: ${bootingText}`];
  const owner = now.runtimes.find(({ standsIn }) => !standsIn);
  return [`no ${what}: ${lost}; ${cureFor(kind, owner?.kind ?? 'llama', places)}`];
}

function cureFor(kind: ModelKind, owner: RuntimeKind, { modelsDir }: ModelPlaces): string {
  const file = `put a GGUF file into ${modelsDir}`;
  if (owner === 'ollama') return `run "ollama pull ${words[kind].example}", or ${file}`;
  if (owner === 'openai' && kind === 'chat') return `start the server with a ${words.chat.what}, or ${file}`;
  return file;
}
