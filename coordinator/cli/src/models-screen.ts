// Models in words for a terminal: the list, and one of them. Pure.
import { type Catalogue, type CatalogueModel, counted, listInWords, parametersInWords } from '@blackroad/protocol';
import type { VerbCall } from './verb.ts';
import { bytes, type Paint, table, wrapped } from './words.ts';

type Screen = Pick<VerbCall, 'columns' | 'paint'>;

/** Models that a node has or fetches come first, then those of the catalogue, from small to large. */
export function modelTable({ models, file }: Catalogue, { columns, paint }: Screen): string {
  const here = models.filter(isAbout);
  const known = models
    .filter((model) => !isAbout(model))
    .sort((a, b) => (a.kind === b.kind ? a.sizeBytes - b.sizeBytes : a.kind < b.kind ? -1 : 1));
  const head = ['MODEL', 'KIND', 'TIER', 'SIZE', 'LICENCE', 'FITS ON', 'WHERE'];
  const rows = [...here, ...known].map((model) => [
    paint(model.nodesOnDisk > 0 ? 'bold' : 'dim', model.name),
    kindWords(model),
    model.kind === 'chat' ? model.tier : '',
    model.sizeBytes > 0 ? bytes(model.sizeBytes) : '?',
    model.entry?.licence ?? '',
    fitsWords(model),
    whereWords(model, paint),
  ]);
  const lines = [table(head, rows, columns, paint, ['LICENCE', 'KIND'])];
  for (const fault of file?.faults ?? []) lines.push(wrapped(`${paint('yellow', '!')} `, fault, columns));
  return lines.join('\n');
}
const isAbout = ({ nodesOnDisk, fetches }: CatalogueModel) => nodesOnDisk > 0 || fetches.length > 0;

function kindWords({ kind, tools, entry }: CatalogueModel): string {
  const can = [tools && 'tools', entry?.vision && 'sees'].filter(Boolean);
  return [kind, ...can].join(', ');
}
/** `pi, gpu`, `pi (3 of 5)`, `nothing here`. */
function fitsWords({ fits, sizeBytes }: CatalogueModel): string {
  if (sizeBytes === 0) return '?';
  const all = fits.filter(({ fitting }) => fitting > 0);
  if (all.length === 0) return 'nothing here';
  return all
    .map(({ class: name, nodes, fitting }) => (fitting === nodes ? name : `${name} (${fitting} of ${nodes})`))
    .join(', ');
}
function whereWords({ nodesOnDisk, nodesResident, fetches, pins }: CatalogueModel, paint: Paint): string {
  const under = fetches.filter(({ problem }) => problem === undefined).length;
  const failed = fetches.length - under;
  const words = [
    nodesOnDisk > 0 && counted(nodesOnDisk, 'node'),
    nodesResident > 0 && `${nodesResident} loaded`,
    under > 0 && paint('pink', `${counted(under, 'fetch', 'fetches')} under way`),
    failed > 0 && paint('red', `${failed} failed`),
    pins.length > 0 && 'pinned',
  ].filter(Boolean);
  return words.length > 0 ? words.join(', ') : paint('dim', 'in the catalogue');
}

export function oneModel(model: CatalogueModel, call: Screen): string {
  const { columns, paint } = call;
  const { entry, sizeBytes, neededBytes, parametersB, contextTokens, agents } = model;
  const facts: [string, string | false | undefined][] = [
    ['title', entry !== null && entry.title !== model.name && entry.title],
    ['kind', kindWords(model)],
    ['tier', model.kind === 'chat' && model.tier],
    ['size', sizeBytes > 0 && `${bytes(sizeBytes)} on disk, about ${bytes(neededBytes)} in memory`],
    ['weights', [parametersB > 0 && parametersInWords(parametersB), entry?.quantisation].filter(Boolean).join(', ')],
    ['context', contextTokens > 0 && `${contextTokens.toLocaleString('en')} tokens at most`],
    ['licence', entry !== null && (entry.licence || 'not stated')],
    ['source', entry?.source],
    ['fetched as', entry?.ollama],
    ['also', entry?.aliases.join(', ')],
    ['entry', entry !== null && origins[entry.from]],
    ['agents', agents.using + agents.wanting > 0 && `${agents.using} placed with it, ${agents.wanting} name it`],
    ['pinned', model.pins.length > 0 && listInWords(model.pins.map(pinWords))],
  ];
  const lines = [paint('bold', model.name)];
  for (const [name, text] of facts) if (text) lines.push(wrapped(`${name.padEnd(11)}`, text, columns));
  lines.push('', fitTable(model, call));
  for (const { node, problem, status, completedBytes, totalBytes } of model.fetches) {
    const percent = totalBytes > 0 ? ` ${Math.floor((completedBytes / totalBytes) * 100)} %` : '';
    const words = problem === undefined ? `${status || 'begins'}${percent}` : paint('red', problem);
    lines.push(wrapped(`${paint('pink', '↓')} ${node}  `, words, columns));
  }
  if (model.nodes.length > 0) lines.push('', nodesTable(model, call));
  return lines.join('\n');
}
const origins = {
  shipped: 'of this project',
  file: 'of your file of models',
  changed: 'of this project, with fields of your file of models',
} as const;
const pinWords = ({ node, class: name }: CatalogueModel['pins'][number]) =>
  node !== null ? `on ${node}` : name !== null ? `on every ${name}` : 'wherever it is';

function fitTable({ fits }: CatalogueModel, { columns, paint }: Screen): string {
  if (fits.length === 0) return paint('dim', 'No node has said yet what it can carry.');
  const rows = fits.map(({ class: name, nodes, fitting, free, decodeTps, measured }) => [
    name,
    fitting === 0 ? paint('dim', 'does not fit') : fitting === nodes ? 'fits' : `fits on ${fitting} of ${nodes}`,
    free > 0 ? counted(free, 'node') : '',
    fitting === 0 || decodeTps === 0 ? '' : `${measured ? '' : '~'}${decodeTps.toFixed(decodeTps < 10 ? 1 : 0)}`,
  ]);
  return table(['CLASS', 'FIT', 'COULD FETCH IT', 'TOKENS/S'], rows, columns, paint);
}
function nodesTable({ nodes, nodesOnDisk }: CatalogueModel, { columns, paint }: Screen): string {
  const rows = nodes.map(({ node, class: name, resident, fetched, decodeTps }) => [
    node,
    name,
    resident ? 'loaded' : 'on disk',
    fetched ? 'the fleet' : 'its owner',
    decodeTps > 0 ? decodeTps.toFixed(decodeTps < 10 ? 1 : 0) : '',
  ]);
  const more = nodesOnDisk > nodes.length ? `\nand ${nodesOnDisk - nodes.length} more` : '';
  return table(['NODE', 'CLASS', 'STATE', 'FETCHED BY', 'TOKENS/S'], rows, columns, paint) + more;
}
