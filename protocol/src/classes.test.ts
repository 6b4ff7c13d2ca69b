// The class table on names in the spelling of drivers and firmware.
import t from 'tap';
import { classify, priorDecodeTps } from './classes.ts';

const GiB = 1024 ** 3;
const machine = { board: '', memoryBytes: 64 * GiB, gpus: [], arch: 'x64' };

t.test('graphics cards', async (t) => {
  const table: Record<string, string[]> = {
    'data-centre GPU with HBM': [
      'NVIDIA A100-SXM4-80GB',
      'NVIDIA A100 80GB PCIe MIG 1g.10gb',
      'GRID A100D-40C',
      'NVIDIA A800-SXM4-80GB',
      'NVIDIA A30',
      'Tesla V100-SXM2-16GB',
      'Tesla V100S-PCIE-32GB',
      'Tesla P100-PCIE-16GB',
      'NVIDIA H100 80GB HBM3',
      'NVIDIA H20',
      'NVIDIA H200 NVL',
      'NVIDIA H800',
      'NVIDIA GH200 480GB',
      'NVIDIA B200',
      'NVIDIA B300 SXM6 AC',
      'NVIDIA GB200',
      'NVIDIA GB300',
      'AMD Instinct MI210',
      'AMD Instinct MI250X / MI250',
      'AMD Instinct MI300X',
      'AMD Instinct MI325X',
    ],
    'data-centre GPU with GDDR': [
      'NVIDIA A40',
      'NVIDIA A40-48Q',
      'NVIDIA A16',
      'NVIDIA A10',
      'NVIDIA A10G',
      'NVIDIA A2',
      'NVIDIA L4',
      'NVIDIA L20',
      'NVIDIA L40',
      'NVIDIA L40S',
      'Tesla T4',
      'NVIDIA T4G',
      'Tesla P4',
      'Tesla P40',
      'Tesla K80',
      'Tesla M60',
      'NVIDIA RTX PRO 6000 Blackwell Server Edition',
    ],
    'consumer or workstation GPU': [
      'NVIDIA RTX A4000',
      'RTX A400',
      'NVIDIA RTX A1000',
      'NVIDIA RTX A2000 12GB',
      'NVIDIA RTX A6000',
      'NVIDIA RTX 6000 Ada Generation',
      'NVIDIA RTX PRO 6000 Blackwell Workstation Edition',
      'NVIDIA T400 4GB',
      'NVIDIA T1000',
      'Quadro P400',
      'Quadro P4000',
      'Quadro T2000',
      'NVIDIA GeForce RTX 3090',
      'NVIDIA GeForce RTX 4090 Laptop GPU',
      'NVIDIA GeForce GTX 1050',
      'NVIDIA GB10',
      'NVIDIA TITAN V',
      'AMD Radeon RX 7900 XTX',
    ],
  };
  for (const [text, names] of Object.entries(table))
    for (const name of names) {
      const row = classify({ ...machine, gpus: [{ name, memoryBytes: 16 * GiB }] });
      t.equal(row.text, text, name);
      t.equal(row.name, text.startsWith('data-centre') ? 'gpu' : 'edge-gpu', name);
    }
});

t.test('boards, with the memory that their kernel shows', async (t) => {
  const MiB = 1024 ** 2;
  const table: [board: string, memoryMiB: number, name: string, text: string][] = [
    ['Raspberry Pi Zero 2 W Rev 1.0', 416, 'micro', 'Zero 2 W, Pi 3: sensors and tools, no model of its own'],
    ['Raspberry Pi 3 Model B Plus Rev 1.3', 906, 'micro', 'Zero 2 W, Pi 3: sensors and tools, no model of its own'],
    ['Raspberry Pi 4 Model B Rev 1.5', 1849, 'pi', 'Raspberry Pi 4'],
    ['Raspberry Pi 5 Model B Rev 1.1', 2015, 'pi', 'Raspberry Pi 5'],
    ['Raspberry Pi 500 Rev 1.0', 8063, 'pi', 'Raspberry Pi 5'],
    ['Raspberry Pi Compute Module 5 Lite Rev 1.0', 4040, 'pi', 'Raspberry Pi 5'],
    ['Raspberry Pi Compute Module 4 Rev 1.1', 3794, 'pi', 'Raspberry Pi 4'],
    ['NVIDIA Jetson Orin Nano Developer Kit', 7620, 'edge-gpu', 'Jetson'],
    ['Jetson AGX Thor Developer Kit', 125_000, 'edge-gpu', 'Jetson'],
    ['Corinth Computers C1', 16_000, 'cpu', 'server or PC without a GPU'],
    ['', 1930, 'cpu', 'server or PC without a GPU'],
    ['', 970, 'micro', 'a machine with less than 2 GB'],
  ];
  for (const [board, memoryMiB, name, text] of table)
    t.match(classify({ ...machine, board, memoryBytes: memoryMiB * MiB }), { name, text }, `${board} ${memoryMiB}`);
});

t.test('what is assumed of a model until it is measured stays within what one answer can be', async (t) => {
  t.equal(priorDecodeTps(10e9, 1e9), 10, 'a Pi reads all weights for each token');
  t.equal(
    priorDecodeTps(2e12, 98_362_432),
    500,
    'a small model on a data-centre card, or on a machine that was said to be one',
  );
  t.equal(priorDecodeTps(2e12, 0), 0, 'a size that nobody told');
});
