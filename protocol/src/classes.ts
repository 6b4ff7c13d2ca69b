// The hardware classes as data: how a machine is recognised and the values assumed for it until they are measured. Order matters: the first
// rule that fits wins. Configuration may add rows before these.

interface HardwareFacts {
  board: string;
  memoryBytes: number;
  gpus: { name: string; memoryBytes: number }[];
  arch: string;
}
export interface ClassRow {
  name: string;
  text: string;
  /** All conditions that are given must be true. */
  when: { boardMatches?: string; memoryBelowBytes?: number; gpuMatches?: string; anyGpu?: boolean };
  /** Share of memory (VRAM where there is a GPU) that models may use. */
  modelMemoryShare: number;
  /** Prior memory bandwidth, bytes a second: decode speed is about bandwidth / bytes of active weights until measured. */
  bandwidthBytesPerS: number;
  /** How much each further simultaneous request adds to a model's tokens a second, as a share of the speed of one request. */
  batchGain: number;
  /** Whether a machine of this class runs models itself. */
  models: boolean;
  /** Where a request can be answered by several classes, the one with the lowest figure does it: others keep their room for what needs it. */
  hardware: number;
}
const GiB = 1024 ** 3;
/** Matches whole words of the card's name in the driver's spelling: `A40` is neither in `RTX A4000` nor in `RTX A400`. */
const words = (...names: string[]) => `(?<![A-Za-z0-9])(${names.join('|')})(?![A-Za-z0-9])`;
/** The kernel of a board with 2 GB reports 1.8 to 2.0 GiB, that of one with 1 GB at most 1.0: the limit lies between the two. */
const microBelowBytes = 1.5 * GiB;

export const classes: readonly ClassRow[] = [
  {
    name: 'micro',
    text: 'Zero 2 W, Pi 3: sensors and tools, no model of its own',
    when: { boardMatches: '^Raspberry Pi', memoryBelowBytes: microBelowBytes },
    modelMemoryShare: 0,
    bandwidthBytesPerS: 2e9,
    batchGain: 0,
    models: false,
    hardware: 0,
  },
  {
    name: 'pi',
    text: 'Raspberry Pi 5',
    when: { boardMatches: '^Raspberry Pi (5|500|Compute Module 5)(?![0-9])' },
    modelMemoryShare: 0.6,
    bandwidthBytesPerS: 10e9,
    batchGain: 0.1,
    models: true,
    hardware: 1,
  },
  {
    name: 'pi',
    text: 'Raspberry Pi 4',
    when: { boardMatches: '^Raspberry Pi' },
    modelMemoryShare: 0.6,
    bandwidthBytesPerS: 3e9,
    batchGain: 0.1,
    models: true,
    hardware: 1,
  },
  {
    name: 'gpu',
    text: 'data-centre GPU with HBM',
    when: {
      gpuMatches: words(
        'A(30|100|800)[XD]?',
        'V100[SL]?',
        'P100',
        'H(20|100|200|800)',
        'G?B(100|200|300)',
        'GH200',
        'MI(50|60|100|210|250X?|300[AX]?|308X|325X|35[05]X)',
      ),
    },
    modelMemoryShare: 0.9,
    bandwidthBytesPerS: 2e12,
    batchGain: 0.8,
    models: true,
    hardware: 4,
  },
  {
    name: 'gpu',
    text: 'data-centre GPU with GDDR',
    when: {
      gpuMatches: words(
        'A(2|10[GM]?|16|40)',
        'L(2|4|20|40[SG]?)',
        'T4G?',
        'P(4|6|40)',
        'Tesla [KM][0-9]+[a-z]?',
        'RTX PRO [0-9]{4} .*Server Edition',
      ),
    },
    modelMemoryShare: 0.9,
    bandwidthBytesPerS: 500e9,
    batchGain: 0.8,
    models: true,
    hardware: 4,
  },
  {
    name: 'edge-gpu',
    text: 'Jetson',
    when: { boardMatches: words('Jetson', 'Orin', 'Xavier', 'AGX Thor') },
    modelMemoryShare: 0.7,
    bandwidthBytesPerS: 68e9,
    batchGain: 0.5,
    models: true,
    hardware: 3,
  },
  {
    name: 'edge-gpu',
    text: 'consumer or workstation GPU',
    when: { anyGpu: true },
    modelMemoryShare: 0.85,
    bandwidthBytesPerS: 400e9,
    batchGain: 0.5,
    models: true,
    hardware: 3,
  },
  {
    name: 'micro',
    text: 'a machine with less than 2 GB',
    when: { memoryBelowBytes: microBelowBytes },
    modelMemoryShare: 0,
    bandwidthBytesPerS: 2e9,
    batchGain: 0,
    models: false,
    hardware: 0,
  },
  {
    name: 'cpu',
    text: 'server or PC without a GPU',
    when: {},
    modelMemoryShare: 0.6,
    bandwidthBytesPerS: 20e9,
    batchGain: 0.3,
    models: true,
    hardware: 2,
  },
];
/** Never detected: a node that calls a paid API is configured with this class. */
export const cloudClass: ClassRow = {
  name: 'cloud',
  text: 'a paid API, the last resort',
  when: {},
  modelMemoryShare: 0,
  bandwidthBytesPerS: 1e12,
  batchGain: 1,
  models: true,
  hardware: 9,
};

/** How much hardware a class is (`hardware` of its row); an unknown one counts as a server. */
export function hardwareOf(name: string): number {
  return (name === cloudClass.name ? cloudClass : classes.find((row) => row.name === name))?.hardware ?? 2;
}

/** The names without repetition, in the order of the table. */
export const classNames: readonly string[] = [...new Set([...classes, cloudClass].map(({ name }) => name))];

/** The class of a machine, by the first row that fits. */
export function classify(facts: HardwareFacts, rows: readonly ClassRow[] = classes): ClassRow {
  const fits = ({ when }: ClassRow) =>
    (when.boardMatches === undefined || new RegExp(when.boardMatches).test(facts.board)) &&
    (when.memoryBelowBytes === undefined || facts.memoryBytes < when.memoryBelowBytes) &&
    (when.gpuMatches === undefined || facts.gpus.some((gpu) => new RegExp(when.gpuMatches as string).test(gpu.name))) &&
    (!when.anyGpu || facts.gpus.length > 0);
  return rows.find(fits) ?? (rows[rows.length - 1] as ClassRow);
}

/** A token takes about 2 ms of steps between the reads, whatever the bandwidth: no faster answer is assumed before it is measured. */
const mostPriorTps = 500;

/** Answer tokens a second assumed for a model until it is measured; 0 where its size is unknown. */
export function priorDecodeTps(bandwidthBytesPerS: number, sizeBytes: number): number {
  return sizeBytes > 0 ? Math.min(mostPriorTps, bandwidthBytesPerS / sizeBytes) : 0;
}
