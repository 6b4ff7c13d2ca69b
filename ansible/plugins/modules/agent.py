#!/usr/bin/python
# Creates, changes and removes AI agents by their specs.
from __future__ import annotations

DOCUMENTATION = r"""
module: agent
short_description: Create, change and remove AI agents of a BlackRoad fleet
description:
  - Applies a spec as a whole. Fields that it does not name have the defaults of the coordinator, which are read from its own description of
    the API, so that check mode and diff tell what would really differ.
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - blackroad.fleet.api
attributes:
  check_mode:
    support: full
    description: Nothing is changed. What only the coordinator can judge, such as a time zone, is not judged.
  diff_mode:
    support: full
    description: Shows the fields of the spec that differ.
options:
  name:
    description: The agent.
    type: str
    required: true
  state:
    description: V(absent) removes the agent. Its memory stays until it is erased.
    type: str
    choices: [present, absent]
    default: present
  spec:
    description:
      - The spec without the name, as in an agent file and in C(docs/openapi.json) (C(AgentSpec)). C(model) may be one name, and a tool of
        C(tools) may be its name alone.
      - Needed with O(state=present).
    type: dict
  wait_ready:
    description: Waits until the agent is ready on a node, and fails with the reason if it is not.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: An agent for the garden
  blackroad.fleet.agent:
    name: garden
    spec:
      model: [llama3.2:3b, small]
      instructions: You look after the garden.
      tools: [memory]
      triggers:
        - cron: "0 7 * * *"
          prompt: What needs water today?
    wait_ready: true

- name: It is not needed any more
  blackroad.fleet.agent:
    name: garden
    state: absent
"""

RETURN = r"""
agent:
  description: The agent as the coordinator shows it. In check mode, with the spec that it would have. Empty where there is none.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.blackroad.fleet.plugins.module_utils.api import (
    ApiError,
    connection_spec,
    diff_of,
    path_of,
    run_module,
    until,
)

MAX_DEPTH = 32
LISTS = ("class", "site", "nodes", "avoidAgents", "nearAgents")


def widened(spec):
    """The short forms in which people write an agent, made whole as the command line does it."""
    whole = dict(spec)
    model = whole.get("model", "auto")
    whole["model"] = [model] if isinstance(model, str) else model
    if isinstance(whole.get("placement"), dict):
        placement = whole["placement"]
        whole["placement"] = {name: [value] if name in LISTS and isinstance(value, str) else value for name, value in placement.items()}
    if isinstance(whole.get("tools"), list):
        whole["tools"] = [{"tool": tool} if isinstance(tool, str) else tool for tool in whole["tools"]]
    return whole


def with_defaults(schema, value, schemas, depth=0):
    """The value with what the schema says for what is missing."""
    if depth > MAX_DEPTH:
        raise ApiError("The coordinator's description of its API is too deep.")
    reference = schema.get("$ref", "")
    if reference:
        return with_defaults(schemas.get(reference.rsplit("/", 1)[-1], {}), value, schemas, depth + 1)
    if isinstance(value, dict):
        whole = dict(value)
        for name, inner in schema.get("properties", {}).items():
            if name in whole:
                whole[name] = with_defaults(inner, whole[name], schemas, depth + 1)
            elif "default" in inner:
                whole[name] = with_defaults(inner, inner["default"], schemas, depth + 1)
        return whole
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [with_defaults(schema["items"], each, schemas, depth + 1) for each in value]
    return value


def wait_ready(api, params):
    agent = {}

    def look():
        agent.update(api.get(path_of("agents", params["name"])))
        return agent if agent["state"] == "ready" else None

    def why():
        reason = agent.get("reason") or (agent.get("unplaced") or {}).get("text") or "no reason is known"
        return "%s is %s: %s" % (params["name"], agent["state"], reason)

    return until(why, params["wait_timeout"], look)


def present(module, api):
    params = module.params
    path = path_of("agents", params["name"])
    named = {"name": params["name"], **widened(params["spec"])}
    schemas = api.get("/v1/openapi.json").get("components", {}).get("schemas", {})
    spec = with_defaults({"$ref": "AgentSpec"}, named, schemas)
    agent = api.get_or_none(path)
    before = agent["spec"] if agent else {}
    differ = [name for name in {**before, **spec} if before.get(name) != spec.get(name)]
    changed = bool(differ)
    diff = diff_of({name: before[name] for name in differ if name in before}, {name: spec[name] for name in differ if name in spec})
    if module.check_mode:
        return {"changed": changed, "agent": {**(agent or {}), "spec": spec}, "diff": diff}
    if changed:
        agent = api.call("PUT", path, spec)
    if params["wait_ready"]:
        agent = wait_ready(api, params)
    return {"changed": changed, "agent": agent, "diff": diff}


def absent(module, api):
    path = path_of("agents", module.params["name"])
    agent = api.get_or_none(path)
    if agent is not None and not module.check_mode:
        api.call("DELETE", path)
    return {"changed": agent is not None, "agent": {}, "diff": diff_of(agent["spec"] if agent else {}, {})}


def main():
    module = AnsibleModule(
        argument_spec={
            **connection_spec(),
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "spec": {"type": "dict"},
            "wait_ready": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
        },
        required_if=[("state", "present", ["spec"])],
        supports_check_mode=True,
    )
    work = present if module.params["state"] == "present" else absent
    run_module(module, lambda api: work(module, api))


if __name__ == "__main__":
    main()
