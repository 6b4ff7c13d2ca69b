// Verbs for nodes: list, show, cordon, drain, pull, unload, identify, restart, logs, forget.
import { counted, type HardwareView, type NodeModel, type NodeView, numberInWords } from '@blackroad/protocol';
import { pinPlaceInWords, pinStandInWords } from '@blackroad/protocol/board-words';
import { drainingInWords, isDrained } from '@blackroad/protocol/drain-words';
import { partsInWords } from '@blackroad/protocol/hardware-words';
import { loadOnNode, loadWords } from '@blackroad/protocol/model-load';
import { osUpdatesInWords } from '@blackroad/protocol/os-update-words';
import { argument, numberFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { ago, byName, bytes, duration, healthWords, type Paint, table } from '../words.ts';
import { pullVerb } from './pull.ts';

const drainOf = ({ agents, staying, onlyHere }: NodeView) => ({ agents: agents.length, staying, onlyHere });

function presenceWord(node: NodeView, paint: Paint): string {
  if (node.status === 'quarantined') return paint('red', 'quarantined');
  const word = node.cordoned
    ? `${node.presence}, cordoned`
    : node.draining
      ? `${node.presence}, ${isDrained(drainOf(node)) ? 'drained' : 'draining'}`
      : node.presence;
  return paint(node.presence === 'online' ? 'green' : node.presence === 'lost' ? 'red' : 'yellow', word);
}
function modelWords(node: NodeView): string {
  const models = node.capacity?.models.filter(({ kind }) => kind === 'chat') ?? [];
  if (models.length === 0) return node.capacity ? 'none' : '?';
  const [first, ...rest] = models.toSorted((a, b) => Number(b.resident) - Number(a.resident));
  return `${first?.name}${rest.length > 0 ? ` +${rest.length}` : ''}`;
}
export function nodeTable(nodes: NodeView[], call: Pick<VerbCall, 'columns' | 'paint'>): string {
  const sorted = nodes.toSorted((a, b) => byName(a.id, b.id));
  const rows = sorted.map((node) => [
    node.info?.simulated ? `${node.id} (simulated)` : node.id,
    node.class,
    node.site,
    presenceWord(node, call.paint),
    node.capacity ? `${bytes(node.capacity.memoryFreeBytes)} of ${bytes(node.capacity.memoryTotalBytes)}` : '?',
    modelWords(node),
    String(node.agents.length),
    healthWords(node),
  ]);
  return table(
    ['NODE', 'CLASS', 'SITE', 'STATE', 'FREE FOR MODELS', 'MODEL', 'AGENTS', 'HEALTH'],
    rows,
    call.columns,
    call.paint,
    ['SITE', 'FREE FOR MODELS', 'CLASS'],
  );
}

function oneNode(node: NodeView, call: VerbCall): string {
  const now = call.clock.nowMs();
  const { info, capacity, health } = node;
  const lines = [
    `${call.paint('bold', node.id)}  ${presenceWord(node, call.paint)}${node.presence === 'online' ? '' : `: ${node.presenceReason}`}`,
    `class      ${node.class}${info?.simulated ? ' (simulated)' : ''}`,
    `site       ${node.site}`,
    `labels     ${
      Object.entries(node.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ') || '-'
    }`,
    `last seen  ${ago(node.lastSeenMs, now)}`,
    `address    ${node.address ?? '-'}`,
  ];
  if (info) {
    lines.push(
      `machine    ${info.board ?? info.hostname}, ${info.cores} cores, ${bytes(info.memoryBytes)}, ${info.os} ${info.arch}`,
    );
    const { osUpdates } = info;
    if (osUpdates) {
      const { restartFor = [], why } = osUpdates;
      const more = [restartFor.length > 0 ? ` for ${restartFor.join(', ')}` : '', why === undefined ? '' : `; ${why}`];
      lines.push(`updates    ${osUpdatesInWords(osUpdates)}${more.join('')}`);
    }
    for (const gpu of info.gpus) lines.push(`gpu        ${gpu.name}, ${bytes(gpu.memoryBytes)}`);
    for (const runtime of info.runtimes) lines.push(`runtime    ${runtime}`);
    for (const pin of info.pins ?? []) {
      const stand = health?.pins?.find(({ name }) => name === pin.name);
      lines.push(`pin        ${pin.name}: ${pinStandInWords(pin, stand)} (${pinPlaceInWords(pin)})`);
    }
    for (const note of info.notes) lines.push(`note       ${note}`);
  }
  if (health) {
    lines.push(`health     ${healthWords(node)}`);
    lines.push(
      `load       CPU ${Math.round(health.cpu * 100)} %, ${bytes(health.memoryFreeBytes)} memory free, ${bytes(health.diskFreeBytes)} disk free`,
    );
    if (health.diskWrittenBytesPerDay !== undefined)
      lines.push(`writes     ${bytes(health.diskWrittenBytesPerDay)} a day to its disks`);
    lines.push(`node-agent ${[node.version, bytes(health.agentRssBytes)].filter(Boolean).join(', ')}`);
    const { outboxDepth, memoriesUnacked = 0 } = health;
    if (outboxDepth + memoriesUnacked > 0)
      lines.push(
        `only here  ${counted(outboxDepth, 'message')} and ${counted(memoriesUnacked, 'memory', 'memories')}: the coordinator does not have them yet`,
      );
  }
  if (node.draining) lines.push(`drain      ${drainingInWords(drainOf(node))}`);
  for (const { severity, text } of node.conditions)
    lines.push(call.paint(severity === 'error' ? 'red' : 'yellow', `${severity.padEnd(10)} ${text}`));
  if (capacity) {
    if (capacity.pricePerMillionTokens)
      lines.push(`price      $${numberInWords(capacity.pricePerMillionTokens)} a million tokens`);
    const { sensors = [], camera = false } = capacity.board ?? {};
    if (sensors.length > 0) lines.push(`sensors    ${sensors.join(', ')}`);
    if (camera) lines.push('camera     yes');
    lines.push(`embeddings ${capacity.embedder ?? 'none: memory is searched by words only'}`);
    if (capacity.models.length > 0) lines.push('', modelTable(node, capacity.models, call));
  }
  lines.push('', `agents     ${node.agents.join(', ') || 'none'}`);
  return lines.join('\n');
}

function hardwareInWords(node: string, { hardware, sinceMs }: HardwareView, call: VerbCall): string {
  if (!hardware)
    return `${node} has not told its parts yet; it does so soon after its start. ${call.as.fleet(`nodes show ${node} --hardware --again`)} asks now.`;
  const lines = partsInWords(hardware).map(
    ({ kind, text, own }) => `${kind.padEnd(10)} ${[text, own].filter(Boolean).join(', ')}`,
  );
  const lacks = hardware.lacks.map((text) => `${'note'.padEnd(10)} ${text}`);
  return [...lines, ...lacks, '', `Told first ${ago(sinceMs, call.clock.nowMs())}, and unchanged since.`].join('\n');
}

function stateWords({ resident, asleep, adapterOf, speed, price }: NodeModel): string {
  if (price) return `$${price.read} read, $${price.written} written`;
  if (resident) return adapterOf === undefined ? 'loaded' : `loaded, adapter of ${adapterOf}`;
  const [state, verb] = asleep ? ['asleep', 'wakes'] : ['on disk', 'loads'];
  return speed.loadMs === undefined ? state : `${state}, ${verb} in ${duration(speed.loadMs)}`;
}
function speedWords({ samples, decodeTps, prefillTps }: NodeModel['speed']): string {
  if (samples === 0 && decodeTps === 0) return '?';
  const reads = prefillTps > 0 ? `, reads ${Math.round(prefillTps)}` : '';
  return `${samples > 0 ? decodeTps.toFixed(1) : `~${decodeTps}`}${reads}`;
}
function modelTable(node: NodeView, models: NodeModel[], call: Pick<VerbCall, 'columns' | 'paint'>): string {
  const rows = models.map((model) => {
    const load = loadOnNode(node, model);
    return [
      model.name,
      model.kind,
      stateWords(model),
      load === null ? '?' : loadWords(load),
      model.sizeBytes > 0 ? bytes(model.sizeBytes) : '?',
      `${model.contextTokens}`,
      speedWords(model.speed),
      model.runtime,
    ];
  });
  const head = ['MODEL', 'KIND', 'STATE', 'BUSY', 'SIZE', 'CONTEXT', 'TOKENS/S', 'RUNTIME'];
  return table(head, rows, call.columns, call.paint, ['CONTEXT', 'SIZE']);
}

/** `isSo`: whether the node has that state already; then no request is sent. */
function edit(
  words: string,
  text: string,
  body: { cordoned?: boolean; draining?: boolean },
  done: string,
  isSo: (node: NodeView) => string | null,
): Verb {
  return {
    words,
    args: '<node>',
    text,
    completes: 'nodes',
    async run(call) {
      const client = call.client();
      const params = { node: argument(call, 0, '<node>') };
      const before = await client.call('node', { params });
      const already = isSo(before);
      if (already !== null) {
        call.show(before, () => `${before.id} ${already}`);
        return;
      }
      const node = await client.call('nodeEdit', { params, body });
      call.show(node, () => `${node.id} ${done}`);
    },
  };
}

export const nodeVerbs: Verb[] = [
  {
    words: 'nodes',
    args: '',
    text: 'List the machines of the fleet: class, state, capacity, models, health.',
    async run(call) {
      const nodes = await call.client().call('nodes');
      call.show(nodes, () =>
        nodes.length === 0
          ? `No nodes yet. Make a join token: ${call.as.fleet('join-token create')}`
          : nodeTable(nodes, call),
      );
    },
  },
  {
    words: 'nodes show',
    args: '<node>',
    text: 'Everything that is known about one machine; with --hardware the parts that it is made of.',
    flags: {
      hardware: { type: 'boolean', text: 'Its boards, memory modules, disks and cards, with their serial numbers.' },
      again: { type: 'boolean', text: 'With --hardware: the node looks at its machine now.' },
    },
    completes: 'nodes',
    async run(call) {
      const params = { node: argument(call, 0, '<node>') };
      const { hardware, again } = call.flags;
      if (again && !hardware) throw wrongUse('--again goes with --hardware.');
      if (hardware) {
        const view = await call.client().call(again ? 'nodeHardwareLook' : 'nodeHardware', { params });
        call.show(view, () => hardwareInWords(params.node, view, call));
        return;
      }
      const node = await call.client().call('node', { params });
      call.show(node, () => oneNode(node, call));
    },
  },
  edit(
    'cordon',
    'Places no new agents on this node; the agents there stay.',
    { cordoned: true },
    'is cordoned: it gets no new agents.',
    ({ cordoned }) => (cordoned ? 'was cordoned already: it gets no new agents.' : null),
  ),
  edit(
    'uncordon',
    'Ends a cordon and a drain: the node takes agents again.',
    { cordoned: false, draining: false },
    'takes agents again.',
    ({ cordoned, draining }) => (cordoned || draining ? null : 'is neither cordoned nor draining; it takes agents.'),
  ),
  edit(
    'drain',
    'Moves the agents of this node to other nodes, each as soon as one fits.',
    { draining: true },
    'drains: each of its agents moves as soon as another node fits.',
    (node) => (node.draining ? `drains already: ${drainingInWords(drainOf(node))}.` : null),
  ),
  pullVerb,
  {
    words: 'nodes unload',
    args: '<node> <model>',
    text: 'Tells a node to free the memory of a model; refused while an agent there needs it.',
    completes: 'nodes',
    async run(call) {
      const answer = await call.client().call('nodeUnload', {
        params: { node: argument(call, 0, '<node>') },
        body: { model: argument(call, 1, '<model>') },
      });
      call.show(answer, () => answer.text);
    },
  },
  {
    words: 'nodes identify',
    args: '<node>',
    text: 'Blinks the board, so that you find it.',
    completes: 'nodes',
    async run(call) {
      const answer = await call.client().call('nodeIdentify', { params: { node: argument(call, 0, '<node>') } });
      call.show(answer, () => answer.text);
    },
  },
  {
    words: 'nodes restart',
    args: '<node>',
    text: 'Starts the node-agent of a machine anew, where something starts it again: systemd, or balena.',
    completes: 'nodes',
    async run(call) {
      const answer = await call.client().call('nodeRestart', { params: { node: argument(call, 0, '<node>') } });
      call.show(answer, () => answer.text);
    },
  },
  {
    words: 'nodes forget',
    args: '<node>',
    text: 'Removes a machine from the fleet; its certificate is refused from now on.',
    completes: 'nodes',
    async run(call) {
      const node = argument(call, 0, '<node>');
      await call.client().call('nodeForget', { params: { node } });
      call.show({ node, forgotten: true }, () => `${node} is forgotten.`);
    },
  },
  {
    words: 'nodes release',
    args: '<node>',
    text: 'Ends a quarantine; for any other node, lets its machine, set up anew, join as the same node within an hour.',
    completes: 'nodes',
    async run(call) {
      const client = call.client();
      const params = { node: argument(call, 0, '<node>') };
      const before = await client.call('node', { params });
      const node = await client.call('nodeRelease', { params });
      call.show(node, () =>
        before.status === 'quarantined'
          ? `${node.id} is released.`
          : `${node.id} is not quarantined; its machine, set up anew, may join as ${node.id} within an hour.`,
      );
    },
  },
  {
    words: 'logs',
    args: '<node>',
    text: "The last lines of a node-agent's log.",
    flags: { lines: { type: 'string', short: 'n', value: '<count>', text: 'How many; 100 by default.' } },
    completes: 'nodes',
    async run(call) {
      const lines = numberFlag(call, 'lines');
      const answer = await call.client().call('nodeLog', {
        params: { node: argument(call, 0, '<node>') },
        query: lines === undefined ? {} : { lines },
      });
      call.show(answer.lines, () => answer.lines.join('\n') || 'The log is empty.');
    },
  },
];
