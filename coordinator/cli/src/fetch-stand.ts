// How a model on its way to a node stands, from what the node reports. Pure.
import { findModel, modelKey, type NodeView } from '@blackroad/protocol';

export type FetchStand =
  | { state: 'fetching'; status: string; completedBytes: number; totalBytes: number }
  | { state: 'here' }
  | { state: 'failed'; problem: string }
  /** The node neither has it nor fetches it; its report may be on its way. */
  | { state: 'silent' };

export function fetchStand(node: NodeView, model: string): FetchStand {
  if (node.presence !== 'online')
    return { state: 'failed', problem: `${node.presence}: ${node.presenceReason}; the progress is not known` };
  const fetch = node.capacity?.fetches?.find((each) => modelKey(each.model) === modelKey(model));
  if (fetch?.problem !== undefined) return { state: 'failed', problem: fetch.problem };
  if (fetch) {
    const { status, completedBytes, totalBytes } = fetch;
    return { state: 'fetching', status, completedBytes, totalBytes };
  }
  return findModel(node.capacity?.models ?? [], model) ? { state: 'here' } : { state: 'silent' };
}
