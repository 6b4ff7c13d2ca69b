#!/usr/bin/python
# What the fleet keeps of a machine: site, labels, cordon, drain; waits for it; forgets it.
from __future__ import annotations

DOCUMENTATION = r"""
module: node
short_description: Change, await and forget nodes of a BlackRoad fleet
description:
  - Sets what the coordinator keeps of a node, and waits until the node is as it should be.
  - A machine becomes a node by the role P(blackroad.fleet.node_agent#role), not by this module.
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - blackroad.fleet.api
attributes:
  check_mode:
    support: full
    description: Nothing is changed, and nothing is waited for.
  diff_mode:
    support: full
    description: Shows the fields that differ.
options:
  name:
    description: The node.
    type: str
    required: true
  state:
    description:
      - V(present) sets the options below.
      - V(released) ends a quarantine, too.
      - V(absent) forgets the node. Its certificate is worthless from then on.
    type: str
    choices: [present, released, absent]
    default: present
  site:
    description: Where it stands.
    type: str
  labels:
    description: All of its labels. Labels that are not named are removed.
    type: dict
  cordoned:
    description: Whether nothing new goes onto it.
    type: bool
  draining:
    description: Whether its agents move off.
    type: bool
  wait_for:
    description:
      - V(online) waits until it is connected and has sent a heartbeat.
      - V(drained) waits until no agent and no task is on it, and nothing is on it alone. Agents that no other node takes keep it
        from that, and are named.
    type: str
    choices: [online, drained]
  version:
    description: With O(wait_for=online), the version of the node-agent that it must say itself.
    type: str
  not_boot:
    description:
      - With O(wait_for=online), the run of its node-agent that does not count, as RV(boot) of an earlier task says it. So an
        old heartbeat is not taken for that of a node-agent that was restarted.
    type: str
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Nothing new goes onto alice, and what is there moves off
  blackroad.fleet.node:
    name: alice
    cordoned: true
    draining: true
    wait_for: drained

- name: Alice stands in the attic
  blackroad.fleet.node:
    name: alice
    site: attic
    labels:
      ring: canary

- name: A machine that was given away
  blackroad.fleet.node:
    name: aria
    state: absent
"""

RETURN = r"""
node:
  description: The node as the coordinator shows it. Empty where there is none.
  type: dict
  returned: success
boot:
  description: The run of its node-agent that sent the last heartbeat. Empty where there was none.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.blackroad.fleet.plugins.module_utils.api import (
    ApiError,
    connection_spec,
    diff_of,
    given,
    path_of,
    run_module,
    until,
)


def boot_of(node):
    return (node.get("health") or {}).get("boot") or ""


def answer(changed, node, **more):
    return {"changed": changed, "node": node or {}, "boot": boot_of(node or {}), **more}


def why_not_online(node, params):
    """None: it is as it should be."""
    if node["status"] == "quarantined":
        raise ApiError("%s is quarantined: %s" % (node["id"], node.get("quarantineReason", "")))
    if node["presence"] != "online":
        return "is %s: %s" % (node["presence"], node["presenceReason"])
    if not boot_of(node):
        return "has sent no heartbeat yet"
    if params["not_boot"] and boot_of(node) == params["not_boot"]:
        return "has not said that it was restarted"
    if params["version"] and node["version"] != params["version"]:
        return "says that it runs %s, not %s" % (node["version"], params["version"])
    return None


def why_not_drained(node, params):
    if node["agents"]:
        stay = ", which no other node takes" if node["staying"] == len(node["agents"]) else ""
        return "still has %s%s" % (", ".join(node["agents"]), stay)
    if node["tasksRunning"]:
        return "still works on %d tasks" % node["tasksRunning"]
    # A node that is away cannot hand over what it alone has.
    if node["onlyHere"] != 0:
        return "has what no other machine has (%s messages and memories)" % (
            "an unknown number of" if node["onlyHere"] is None else node["onlyHere"]
        )
    return None


def wait(api, params):
    """The node as it is when it is as it should be."""
    why = {"online": why_not_online, "drained": why_not_drained}[params["wait_for"]]
    reason = ""

    def look():
        nonlocal reason
        node = api.get_or_none(path_of("nodes", params["name"]))
        if node is None:
            raise ApiError("There is no node %s any more." % params["name"], 404)
        reason = why(node, params)
        return node if reason is None else None

    return until(lambda: "%s %s" % (params["name"], reason), params["wait_timeout"], look)


def present(module, api):
    params = module.params
    node = api.get_or_none(path_of("nodes", params["name"]))
    if node is None:
        raise ApiError("There is no node %s: a machine becomes one by the role node_agent." % params["name"], 404)
    wanted = given(params, "site", "labels", "cordoned", "draining")
    differ = {name: value for name, value in wanted.items() if node[name] != value}
    is_held = params["state"] == "released" and node["status"] == "quarantined"
    before = {name: node[name] for name in differ}
    diff = diff_of({**before, **({"status": "quarantined"} if is_held else {})}, {**differ, **({"status": "active"} if is_held else {})})
    changed = bool(differ) or is_held
    if module.check_mode:
        return answer(changed, {**node, **differ}, diff=diff)
    if is_held:
        node = api.call("POST", path_of("nodes", params["name"], "release"))
    if differ:
        node = api.call("PUT", path_of("nodes", params["name"]), differ)
    if params["wait_for"]:
        node = wait(api, params)
    return answer(changed, node, diff=diff)


def absent(module, api):
    name = module.params["name"]
    node = api.get_or_none(path_of("nodes", name))
    if node is not None and not module.check_mode:
        api.call("DELETE", path_of("nodes", name))
    short = {each: node[each] for each in ("id", "class", "site", "labels")} if node else {}
    return answer(node is not None, None, diff=diff_of(short, {}))


def main():
    module = AnsibleModule(
        argument_spec={
            **connection_spec(),
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "released", "absent"], "default": "present"},
            "site": {"type": "str"},
            "labels": {"type": "dict"},
            "cordoned": {"type": "bool"},
            "draining": {"type": "bool"},
            "wait_for": {"type": "str", "choices": ["online", "drained"]},
            "version": {"type": "str"},
            "not_boot": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    work = absent if module.params["state"] == "absent" else present
    run_module(module, lambda api: work(module, api))


if __name__ == "__main__":
    main()
