// The console's first page: signs in, follows the live feed, shows the fleet in words, asks an agent and streams the answer.
// A client of the API with no privilege of its own. Text reaches the page through textContent alone.
const $ = (id) => document.getElementById(id);
const state = { nodes: {}, agents: {}, tasks: {}, events: [], totals: null, seq: 0, asOfMs: 0, heardMs: 0 };

function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
const GiB = (bytes) => `${(bytes / 1024 ** 3).toFixed(bytes < 10 * 1024 ** 3 ? 1 : 0)} GiB`;
const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;

const looks = {
  online: ['●', 'good'],
  suspect: ['◐', 'warned'],
  lost: ['○', 'bad'],
  never: ['◌', 'dim'],
  quarantined: ['⊘', 'bad'],
  ready: ['●', 'good'],
  placed: ['◔', 'info'],
  starting: ['◔', 'info'],
  hydrating: ['◑', 'info'],
  unplaced: ['○', 'warned'],
  failed: ['✕', 'bad'],
  waiting: ['◌', 'warned'],
  queued: ['◌', 'dim'],
  leased: ['◔', 'info'],
  running: ['◑', 'info'],
  done: ['✓', 'good'],
  cancelled: ['–', 'dim'],
  expired: ['✕', 'bad'],
  warning: ['!', 'warned'],
  error: ['✕', 'bad'],
};
function badge(word) {
  const [glyph, tone] = looks[word] ?? ['·', 'info'];
  return el('span', `badge ${tone}`, `${glyph} ${word}`);
}

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { 'x-blackroad': '1', ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const json = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(json.detail ?? json.title), { status: answer.status });
  return json;
}

function nodeCard(node) {
  const { info, capacity, health } = node;
  const word = node.status === 'quarantined' ? 'quarantined' : node.presence;
  const facts = el('ul', 'facts');
  const fact = (text, tone) => text && facts.append(el('li', tone, text));
  fact(node.quarantineReason, 'bad');
  if (word !== 'online')
    fact(`${node.presenceReason || 'not heard of yet'} (since ${clock(node.presenceSinceMs)})`, 'warned');
  for (const { severity, text } of node.conditions) fact(`${looks[severity][0]} ${text}`, looks[severity][1]);
  if (node.cordoned)
    fact(node.draining ? 'draining: its agents move away' : 'cordoned: nothing new is placed here', 'warned');
  if (info)
    fact([info.board ?? info.cpu ?? info.os, plural(info.cores, 'core'), GiB(info.memoryBytes)].join(' · '), 'dim');
  for (const gpu of info?.gpus ?? []) fact(`${gpu.name}, ${GiB(gpu.memoryBytes)}`, 'dim');
  if (health) {
    const temperature = health.temperatureC === undefined ? '' : ` · ${Math.round(health.temperatureC)} °C`;
    fact(
      `${word === 'online' ? '' : 'when last heard: '}CPU ${Math.round(health.cpu * 100)} %${temperature} · ${plural(node.agents.length, 'agent')} · ${plural(node.tasksRunning, 'task')} running`,
    );
  }
  for (const note of info?.notes ?? []) fact(note, 'dim');
  const card = el('article', 'card', el('div', 'top', el('h3', '', node.id), badge(word)));
  card.append(el('p', 'dim', `${node.class} · ${node.site}${info?.simulated ? ' · simulated' : ''}`), facts);
  if (capacity?.memoryTotalBytes) {
    const meter = el('meter');
    meter.max = capacity.memoryTotalBytes;
    meter.value = Math.max(0, capacity.memoryTotalBytes - capacity.memoryFreeBytes);
    const text = `${GiB(capacity.memoryFreeBytes)} of ${GiB(capacity.memoryTotalBytes)} free for models`;
    meter.setAttribute('aria-label', text);
    card.append(el('p', 'dim', text), meter);
  }
  const models = (capacity?.models ?? []).map((model) => {
    const chip = el('li', model.resident ? 'on' : '', `${model.resident ? '● ' : ''}${model.name}`);
    chip.title = `${model.kind}, ${model.resident ? 'loaded' : 'on disk'}, ${model.runtime}`;
    return chip;
  });
  card.append(models.length > 0 ? el('ul', 'chips', ...models) : el('p', 'dim', 'no models here'));
  return card;
}

function agentCard(agent) {
  const card = el('article', 'card', el('div', 'top', el('h3', '', agent.name), badge(agent.state)));
  if (agent.spec.description) card.append(el('p', 'dim', agent.spec.description));
  if (agent.node)
    card.append(el('p', '', 'on ', el('code', '', agent.node), ' with ', el('code', '', agent.model ?? '?')));
  if (agent.reason) card.append(el('p', agent.state === 'failed' ? 'bad' : 'warned', agent.reason));
  if (agent.unplaced) card.append(el('p', '', `What would fix it: ${agent.unplaced.fix}`));
  const { waiting, running } = agent.tasks;
  const branches = agent.memory.branches > 0 ? ` · ${plural(agent.memory.branches, 'branch')} to merge` : '';
  card.append(el('p', 'note', `${running} running · ${waiting} waiting · ${agent.memory.seq} remembered${branches}`));
  const why = agent.why?.scores ?? [];
  const refused = agent.unplaced?.refused ?? [];
  if (why.length + refused.length > 0) {
    const list = el('ul', 'facts', ...why.map(({ name, text }) => el('li', '', `${name}: ${text}`)));
    list.append(...refused.map(({ nodes, text }) => el('li', 'dim', `not on ${plural(nodes, 'node')}: ${text}`)));
    card.append(el('details', '', el('summary', '', agent.node ? 'Why here' : 'Why nowhere'), list));
  }
  const ask = el('button', 'quiet', 'Ask');
  ask.type = 'button';
  ask.setAttribute('aria-label', `Ask ${agent.name}`);
  ask.addEventListener('click', () => {
    $('ask-agent').value = agent.name;
    $('ask-prompt').focus();
  });
  card.append(el('p', '', ask));
  return card;
}

function taskLine(task) {
  const text = task.problem?.text ?? task.result ?? '';
  const what = el('span', 'what', task.prompt, text ? el('span', task.problem ? 'bad' : 'dim', ` → ${text}`) : '');
  return el(
    'li',
    '',
    el('time', '', clock(task.createdMs)),
    badge(task.state),
    el('span', 'who-did', task.agent),
    what,
  );
}
function eventLine(event) {
  const who = [event.node, event.agent].filter(Boolean).join(' · ');
  return el(
    'li',
    '',
    el('time', '', clock(event.atMs)),
    badge(event.severity),
    el('span', 'who-did', who),
    el('span', 'what', event.text),
  );
}

/** Cards are kept by key and made anew only when their view changed: what a person opened stays open. */
const cards = { nodes: new Map(), agents: new Map() };
function showCards(kind, make, changed, order, empty) {
  const kept = cards[kind];
  for (const key of changed) {
    const before = kept.get(key);
    if (!state[kind][key]) {
      kept.delete(key);
      continue;
    }
    const card = make(state[kind][key]);
    if (before?.querySelector('details')?.open && card.querySelector('details'))
      card.querySelector('details').open = true;
    const focused = before?.contains(document.activeElement);
    if (before?.isConnected) before.replaceWith(card);
    if (focused) card.querySelector('button')?.focus();
    kept.set(key, card);
  }
  const all = Object.values(state[kind]).sort(order);
  const wanted = all.slice(0, 120).map((view) => kept.get(view.id ?? view.name));
  if (all.length > wanted.length)
    wanted.push(el('p', 'dim wide', `and ${all.length - wanted.length} more: bin/fleet ${kind}`));
  if (all.length === 0) wanted.push(el('p', 'dim wide', ...empty));
  const box = $(kind);
  if (wanted.length !== box.children.length || wanted.some((card, i) => box.children[i] !== card))
    box.replaceChildren(...wanted);
}
const trouble = ['failed', 'unplaced', 'waiting', 'lost', 'suspect', 'never'];
const troubleFirst = (word, name) => (a, b) =>
  trouble.indexOf(b[word]) - trouble.indexOf(a[word]) || (a[name] < b[name] ? -1 : 1);

function showTotals() {
  const { totals } = state;
  $('fleet-name').textContent = totals.name;
  const { nodes, agents, tasks } = totals;
  const known = nodes.online + nodes.suspect + nodes.lost + nodes.never + nodes.quarantined;
  const all = agents.ready + agents.starting + agents.unplaced + agents.failed + agents.waiting;
  const figures = [
    ['Nodes online', `${nodes.online}/${known}`],
    ['Agents ready', `${agents.ready}/${all}`],
    ['Tasks running', tasks.running],
    ['Tasks waiting', tasks.queued],
    ['Dead letters', tasks.deadLetters],
    ['Memories', totals.memories.toLocaleString()],
  ];
  $('totals').replaceChildren(
    ...figures.map(([name, figure]) => el('div', '', el('dt', '', name), el('dd', '', `${figure}`))),
  );
  $('frozen').hidden = !totals.moves.frozen;
  $('frozen').textContent =
    `Moves of agents are frozen: ${totals.moves.reason}. Release them with bin/fleet release-moves.`;
  const said = [];
  for (const node of Object.values(state.nodes)) {
    if (node.status === 'quarantined') said.push(['bad', `${node.id} is quarantined: ${node.quarantineReason ?? ''}`]);
    else if (node.presence !== 'online')
      said.push(['warned', `${node.id} is ${node.presence}: ${node.presenceReason || 'not heard of yet'}`]);
    for (const { severity, text } of node.conditions) said.push([looks[severity][1], `${node.id}: ${text}`]);
  }
  for (const agent of Object.values(state.agents)) {
    if (agent.unplaced && !agent.node)
      said.push(['warned', `${agent.name} has no place: ${agent.unplaced.text}. Fix: ${agent.unplaced.fix}`]);
    else if (agent.state === 'failed') said.push(['bad', `${agent.name} failed: ${agent.reason ?? 'no reason given'}`]);
  }
  const well = `All is well: ${plural(nodes.online, 'node')} online, ${plural(agents.ready, 'agent')} ready.`;
  const lines = said.slice(0, 8).map(([tone, text]) => el('li', tone, `${tone === 'bad' ? '✕' : '!'} ${text}`));
  if (said.length > 8) lines.push(el('li', 'dim', `and ${said.length - 8} more below`));
  if (lines.length === 0)
    lines.push(el('li', known > 0 ? 'good' : 'dim', known > 0 ? `✓ ${well}` : 'No node has joined yet.'));
  $('glance').replaceChildren(...lines);
}

function show(frame) {
  if (frame.type === 'delta' && frame.seq <= state.seq) return;
  if (frame.type === 'delta' && frame.seq !== state.seq + 1) return socket.send('{"type":"snapshot"}');
  const whole = frame.type === 'snapshot';
  const changed = (kind) => new Set([...(whole ? cards[kind].keys() : []), ...Object.keys(frame[kind])]);
  const nodes = changed('nodes');
  const agents = changed('agents');
  if (whole) Object.assign(state, { nodes: {}, agents: {}, tasks: {}, events: [] });
  for (const kind of ['nodes', 'agents', 'tasks']) {
    for (const [key, view] of Object.entries(frame[kind])) {
      if (view === null) delete state[kind][key];
      else state[kind][key] = view;
    }
  }
  Object.assign(state, { seq: frame.seq, asOfMs: frame.asOfMs, heardMs: performance.now(), totals: frame.totals });
  state.events = [...state.events, ...frame.events].slice(-50);
  showTotals();
  const join = [
    'No node yet. Make a token here with ',
    el('code', '', 'bin/fleet join-token create'),
    ', then on the other box: ',
    el('code', '', 'bin/fleet-node join <token>'),
  ];
  showCards('nodes', nodeCard, nodes, troubleFirst('presence', 'id'), join);
  const apply = ['No agent yet: ', el('code', '', 'bin/fleet agents apply -f docs/examples/greeter.yaml')];
  showCards('agents', agentCard, agents, troubleFirst('state', 'name'), apply);
  const tasks = Object.values(state.tasks)
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, 60);
  state.tasks = Object.fromEntries(tasks.map((task) => [task.id, task]));
  const none = (text) => [el('li', 'empty dim', text)];
  if (whole || Object.keys(frame.tasks).length > 0)
    $('tasks').replaceChildren(
      ...(tasks.length ? tasks.slice(0, 20).map(taskLine) : none('No task yet. Ask something above.')),
    );
  if (whole || frame.events.length > 0)
    $('events').replaceChildren(
      ...(state.events.length ? state.events.slice(-20).reverse().map(eventLine) : none('Nothing yet.')),
    );
  const names = Object.keys(state.agents).sort();
  const select = $('ask-agent');
  if (whole || Object.keys(frame.agents).length > 0) {
    const chosen = select.value;
    select.replaceChildren(
      ...(names.length > 0 ? names : ['']).map((name) => el('option', '', name || 'no agent yet')),
    );
    if (names.includes(chosen)) select.value = chosen;
  }
  $('ask-send').disabled = names.length === 0 || asking !== null;
  showLive();
}

let socket;
let tries = 0;
function showLive() {
  const silent = performance.now() - state.heardMs > 12_000;
  const live = socket?.readyState === WebSocket.OPEN && !silent;
  const as = state.asOfMs ? `as of ${clock(state.asOfMs)}` : 'no word yet';
  $('live').textContent = live ? `● live, ${as}` : `○ not live, ${as}; trying again`;
  $('live').className = `live ${live ? 'good' : 'warned'}`;
}
function follow() {
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/feed`);
  socket.addEventListener('message', ({ data }) => {
    tries = 0;
    show(JSON.parse(data));
  });
  socket.addEventListener('close', async () => {
    showLive();
    const wait = 300 + Math.random() * Math.min(10_000, 500 * 2 ** tries++);
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      await call('GET', '/v1/me');
    } catch (problem) {
      if (problem.status === 401) return location.reload();
    }
    follow();
  });
}

let asking = null;
async function ask(agent, prompt) {
  let attempt = 0;
  const note = (text) => {
    $('answer-note').textContent = text;
  };
  $('answer').hidden = false;
  $('answer-text').textContent = '';
  note(`${agent} is asked…`);
  const answer = await fetch(`/v1/agents/${agent}/tasks`, {
    method: 'POST',
    headers: { 'x-blackroad': '1', 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ prompt, origin: 'console' }),
  });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const on = {
    task(task) {
      asking = task.id;
      $('ask-stop').hidden = false;
      const where = task.node ? ` on ${task.node}` : '';
      if (attempt === 0) note(task.state === 'queued' ? 'waiting for its turn…' : `${task.state}${where}…`);
    },
    chunk(chunk) {
      if (chunk.attempt !== attempt) $('answer-text').textContent = '';
      attempt = chunk.attempt;
      if (chunk.tool) note(`uses ${chunk.tool}…`);
      $('answer-text').append(chunk.text);
    },
    end(task) {
      if (task.result !== null) $('answer-text').textContent = task.result;
      const { usage } = task;
      const used = usage
        ? ` · ${usage.model} · ${usage.completionTokens} tokens · ${plural(usage.recalled, 'memory').replace('memorys', 'memories')} recalled · ${(usage.totalMs / 1000).toFixed(1)} s`
        : '';
      note(
        task.problem
          ? `${task.state}: ${task.problem.text}`
          : `${task.state}${task.node ? ` on ${task.node}` : ''}${used}`,
      );
      asking = null;
    },
  };
  let text = '';
  for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? [];
      if (event) on[event]?.(JSON.parse(data));
    }
  }
  if (asking !== null) note('The line broke; the task goes on, see below.');
}

$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (asking !== null) return;
  asking = 'sent';
  $('ask-send').disabled = true;
  try {
    await ask($('ask-agent').value, $('ask-prompt').value);
  } catch (problem) {
    $('answer-note').textContent = problem.message;
  } finally {
    asking = null;
    $('ask-send').disabled = false;
    $('ask-stop').hidden = true;
  }
});
$('ask-prompt').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('ask').requestSubmit();
});
$('ask-stop').addEventListener('click', () =>
  call('POST', `/v1/tasks/${asking}/cancel`).catch((problem) => {
    $('answer-note').textContent = problem.message;
  }),
);
$('sign-out').addEventListener('click', async () => {
  await call('POST', '/v1/sign-out').catch(() => {});
  location.reload();
});
$('sign-in-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await call('POST', '/v1/sign-in', { code: $('code').value });
    await enter();
  } catch (problem) {
    $('sign-in-problem').textContent = problem.message;
  }
});

async function enter() {
  const { name, role } = await call('GET', '/v1/me');
  $('who-name').textContent = name === role ? name : `${name} (${role})`;
  $('who').hidden = false;
  $('sign-in').hidden = true;
  $('fleet').hidden = false;
  follow();
  setInterval(showLive, 1000);
}
async function start() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  // The code is used up by this; it must not stay in the address bar, the history or a screenshot.
  if (code) history.replaceState(null, '', location.pathname);
  let refused = '';
  if (code)
    await call('POST', '/v1/sign-in', { code }).catch((problem) => {
      refused = problem.message;
    });
  await enter().catch((problem) => {
    $('sign-in').hidden = false;
    $('sign-in-problem').textContent = refused || (problem.status === 401 ? '' : problem.message);
    $('code').focus();
  });
}
start();
