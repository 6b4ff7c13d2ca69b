// Routes of agents, their versions and their placement.
import { AgentSpec, AgentView } from '../agent.ts';
import { AgentName } from '../ids.ts';
import { maxHttpBodyBytes } from '../limits.ts';
import { PlacementExplained, WhatIfPlan, WhatIfRequest } from '../placement.ts';
import { Type } from '../typebox.ts';
import { agentParams, route } from './row.ts';

export const agentRoutes = {
  agents: route({
    method: 'GET',
    path: '/v1/agents',
    needs: 'agents:read',
    text: 'All agents.',
    answer: Type.Array(AgentView),
  }),
  agent: route({
    method: 'GET',
    path: '/v1/agents/:agent',
    needs: 'agents:read',
    text: 'One agent, with why it is where it is.',
    params: agentParams,
    answer: AgentView,
  }),
  agentApply: route({
    method: 'PUT',
    path: '/v1/agents/:agent',
    needs: 'agents:write',
    text: 'Creates or changes an agent; a new version when anything changed.',
    params: agentParams,
    body: AgentSpec,
    bodyBytes: maxHttpBodyBytes,
    answer: AgentView,
  }),
  agentRename: route({
    method: 'POST',
    path: '/v1/agents/:agent/rename',
    needs: 'agents:write',
    text: 'Gives an agent another name; its memory, its tasks and what it does now stay as they are.',
    params: agentParams,
    body: Type.Object({ name: AgentName }, { additionalProperties: false }),
    answer: AgentView,
  }),
  agentRemove: route({
    method: 'DELETE',
    path: '/v1/agents/:agent',
    needs: 'agents:write',
    text: 'Removes an agent; its memory stays until erased.',
    params: agentParams,
  }),
  agentVersions: route({
    method: 'GET',
    path: '/v1/agents/:agent/versions',
    needs: 'agents:read',
    text: 'Every version of the spec, newest first.',
    params: agentParams,
    answer: Type.Array(
      Type.Object({ version: Type.Integer(), atMs: Type.Number(), by: Type.String(), spec: AgentSpec }),
    ),
  }),
  agentExplain: route({
    method: 'GET',
    path: '/v1/agents/:agent/explain',
    needs: 'placement:read',
    text: 'Why an agent is where it is, why nowhere else, and what would place it.',
    params: agentParams,
    answer: PlacementExplained,
  }),
  whatIf: route({
    method: 'POST',
    path: '/v1/plan',
    needs: 'placement:read',
    text: 'What placement would do if agents were added or nodes were lost; nothing is touched.',
    body: WhatIfRequest,
    bodyBytes: maxHttpBodyBytes,
    answer: WhatIfPlan,
  }),
};
