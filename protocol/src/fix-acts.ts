// The fixes that a page or a route of the API can do, as actions of alerts and buttons of the console. Only types are imported, so that a
// browser need not load the validators.
import type { AlertAction } from './alerts.ts';
import type { Fix, FixSteps } from './fix.ts';

/** The actions that the API or the console offers for all steps that would place the agent, each once, in the order of the steps. */
export function actsOf(steps: FixSteps, agent: string): AlertAction[] {
  const acts: AlertAction[] = [];
  for (const fix of steps.flat()) {
    const act = actOf(fix, agent);
    if (act && !acts.some(({ verb, node }) => verb === act.verb && node === act.node)) acts.push(act);
  }
  return acts;
}

/** A fix that has to be done at the machine itself opens the page of the node. null: a person can only wait. */
function actOf(fix: Fix, agent: string): AlertAction | null {
  switch (fix.verb) {
    case 'edit-agent':
      return { verb: 'edit-agent', label: `Edit ${agent}`, role: 'operator', agent };
    case 'uncordon-node':
    case 'end-drain': {
      const { node } = fix;
      return { verb: 'uncordon-node', label: `Let ${node} take agents`, role: 'operator', node };
    }
    case 'release-node': {
      const { node } = fix;
      return { verb: 'release-node', label: `Release ${node}`, role: 'admin', node };
    }
    case 'pull-model': {
      const { node, model } = fix;
      if (model === null) return lookAt(node);
      return { verb: 'pull-model', label: `Fetch ${model} on ${node}`, role: 'operator', node, model };
    }
    case 'join-node':
      return { verb: 'add-node', label: 'Add a node', role: 'admin' };
    case 'bring-back':
    case 'free-memory':
    case 'free-node':
    case 'mend-disk':
    case 'mend-gpu':
    case 'mend-model':
    case 'label-node':
    case 'list-pins':
    case 'free-disk':
    case 'serve-model':
    case 'start-runtime':
    case 'put-model-file':
      return lookAt(fix.node);
    case 'wait':
      return fix.node === undefined ? null : lookAt(fix.node);
  }
}
function lookAt(node: string): AlertAction {
  return { verb: 'open-node', label: `Look at ${node}`, role: 'viewer', node };
}
