// A flow for the story: what is posted to /ask goes to an agent, and the answer, or the message of the error output, is what the post is answered
// with; /control the same for a node. Pieces, events, troubles and what catch nodes got are said by debug nodes.
import type { FlowEntry } from './instance.ts';

export interface FleetSettings {
  address: string;
  key: string;
  ca?: string;
}
const at = { z: 'tab', x: 100, y: 100 };
const debug = (id: string): FlowEntry => ({
  ...{ id, type: 'debug', active: true, tosidebar: true, console: false, tostatus: false },
  ...{ complete: 'true', targetType: 'full', ...at, wires: [] },
});
const post = (id: string, url: string, to: string): FlowEntry => ({
  ...{ id, type: 'http in', url, method: 'post', upload: false, ...at, wires: [[to]] },
});
const code = (id: string, func: string, to: string[]): FlowEntry => ({
  ...{ id, type: 'function', func, outputs: 1, libs: [], ...at, wires: [to] },
});
const given = 'return Object.assign(msg, msg.payload, { kept: "yes" });';
const told = (output: string) =>
  `const { payload, fleet, error, kept } = msg; msg.payload = { output: '${output}', payload, fleet, error, kept }; return msg;`;

export function fleetEntry({ address, key, ca = '' }: FleetSettings): FlowEntry {
  return { id: 'home', type: 'fleet', name: '', address, ca, credentials: { key } };
}

export function benchFlow(settings: FleetSettings): FlowEntry[] {
  const fleet = 'home';
  return [
    { id: 'tab', type: 'tab', label: 'bench' },
    fleetEntry(settings),
    post('ask-in', '/ask', 'ask-given'),
    code('ask-given', given, ['ask']),
    {
      ...{ id: 'ask', type: 'fleet ask agent', fleet, agent: 'greeter', timeout: 60, pieces: true },
      ...{ ...at, wires: [['ask-answer'], ['pieces'], ['ask-error']] },
    },
    code('ask-answer', told('answer'), ['ask-out']),
    code('ask-error', told('error'), ['ask-out']),
    { id: 'ask-out', type: 'http response', statusCode: '200', headers: {}, ...at, wires: [] },
    // A piece has the request of its question: it is not for the sidebar.
    code('pieces', 'return { payload: msg.payload, fleet: msg.fleet };', ['pieces-said']),
    debug('pieces-said'),
    post('control-in', '/control', 'control-given'),
    code('control-given', given, ['control']),
    {
      ...{ id: 'control', type: 'fleet node control', fleet, action: '', node: '' },
      ...{ ...at, wires: [['control-answer'], ['control-error']] },
    },
    code('control-answer', told('answer'), ['control-out']),
    code('control-error', told('error'), ['control-out']),
    { id: 'control-out', type: 'http response', statusCode: '200', headers: {}, ...at, wires: [] },
    {
      ...{ id: 'events', type: 'fleet event', fleet, types: '', node: '', severity: 'info' },
      ...{ ...at, wires: [['events-said'], ['troubles-said']] },
    },
    debug('events-said'),
    debug('troubles-said'),
    { id: 'catch', type: 'catch', scope: null, uncaught: false, ...at, wires: [['caught']] },
    code('caught', 'return { payload: msg.error.message };', ['caught-said']),
    debug('caught-said'),
  ];
}

export interface BenchAnswer {
  output: 'answer' | 'error';
  payload: unknown;
  fleet?: { task?: string };
  error?: { kind: string; words: string; message: string };
  kept?: string;
}
