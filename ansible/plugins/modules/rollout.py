#!/usr/bin/python
# Starts rollouts, steers them, waits for them; and the two questions by which a playbook installs one itself: who is next, and how far a node is.
from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Start, steer and carry out rollouts of a BlackRoad fleet
description:
  - A rollout brings a change to the fleet in waves. The coordinator plans them, judges the gates between them and decides what follows.
  - With O(driver=outside) the playbook installs, and asks for each turn with O(state=turn) and reports with O(state=reported). The
    playbook C(blackroad.fleet.rollout) does that.
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - blackroad.fleet.api
attributes:
  check_mode:
    support: full
    description: Nothing is started, told or waited for. A start is planned, so that what the coordinator would refuse fails.
  diff_mode:
    support: full
    description: Shows the state before and after, and the plan of a start.
options:
  state:
    description:
      - V(planned) tells what a start would do.
      - V(started) starts a rollout. One of the same change that is not over is found and not started again, and nothing is started where
        every selected node has the version already.
      - V(paused), V(resumed), V(approved), V(aborted) and V(rolled_back) steer the rollout of O(id).
      - V(done) waits until the rollout of O(id) is over, and fails unless it got through.
      - V(turn) tells who is next in the rollout of O(id), and waits while nobody is.
      - V(reported) tells the coordinator how far O(node) is.
    type: str
    choices: [planned, started, paused, resumed, approved, aborted, rolled_back, done, turn, reported]
    default: started
  id:
    description: The rollout.
    type: str
  what:
    description: >-
      The change, as in the API. C(kind) is C(node-agent) with C(version), C(model) with C(model), C(agent) with C(change),
      C(configuration) with C(labels), or C(os) with C(packages) (C(security) or C(all)) and C(restart) (C(if-needed) or C(never)).
    type: dict
  select:
    description: Who is meant, by C(names), C(class), C(site) and C(labels); all that is given must hold. If not set, all are.
    type: dict
  waves:
    description:
      - The waves, each as C(1) (so many of each class), C(5%), C(ring=canary) (a label) or C(alice+bob) (names).
      - If not set, they are 1, 5%, 25% and 100%.
    type: list
    elements: str
  soak_seconds:
    description: How long a wave is watched.
    type: int
  patience_seconds:
    description: A node that has not got there after this time has failed.
    type: int
  max_unavailable:
    description: So many may be under way at once.
    type: int
  gates:
    description: Those that may stop it. If not set, all may.
    type: list
    elements: str
  on_red:
    description: What a red gate does.
    type: str
    choices: [roll-back, stop]
  approval:
    description: Whether a person has to approve what follows the first wave, or each.
    type: str
    choices: [none, first, each]
  windows:
    description: When something new may begin, each with C(from), C(to) and perhaps C(days).
    type: list
    elements: dict
  downgrade:
    description: Consent to an older version than a node has.
    type: bool
  driver:
    description: Who installs it. V(outside) is the playbook.
    type: str
    choices: [coordinator, outside]
  note:
    description: Why, for people.
    type: str
  nodes:
    description:
      - With O(state=turn), the nodes that are asked about. It waits until each of them is next, or has had its turn, or is away.
    type: list
    elements: str
  node:
    description: With O(state=reported), the node.
    type: str
  report:
    description: With O(state=reported), how far it is.
    type: str
    choices: [begun, installed, failed, returned]
  text:
    description: With O(state=reported), why, in words.
    type: str
  wait_timeout:
    description:
      - Seconds to wait at most with O(state=done) and O(state=turn). With O(state=reported), so long it waits until the
        coordinator has seen the node with what was reported; 0 does not wait.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: The coordinator brings a version to all nodes
  blackroad.fleet.rollout:
    what:
      kind: node-agent
      version: 1.4.0
    waves: ["1", "20%", "100%"]
    soak_seconds: 1800
  register: started

- name: And this playbook fails unless it got through
  blackroad.fleet.rollout:
    state: done
    id: "{{ started.rollout.id }}"
    wait_timeout: 86400

- name: Stop telling further nodes
  blackroad.fleet.rollout:
    state: paused
    id: "{{ started.rollout.id }}"
"""

RETURN = r"""
rollout:
  description: The rollout as the coordinator shows it. Empty where nothing has to be done, and in check mode of a start.
  type: dict
  returned: except with O(state=planned)
todo:
  description: With O(driver=outside), the nodes that the playbook still has to install, in the order of the coordinator.
  type: list
  elements: dict
  returned: with O(state=started)
batches:
  description: How many of RV(todo) at a time, as C(serial) of a play takes it.
  type: list
  elements: int
  returned: with O(state=started)
plan:
  description: What a start would do.
  type: dict
  returned: with O(state=planned), and in check mode of a start
turn:
  description: What the playbook has to do now (C(go), C(version), C(reason)), with C(nodes) and what each of them had before.
  type: dict
  returned: with O(state=turn) and O(state=reported)
mine:
  description: Those of O(nodes) that are to be installed now.
  type: list
  elements: str
  returned: with O(state=turn)
"""

import re

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

GOING = ("running", "paused", "stopped", "rolling-back")
# In which states an act is what was asked for already, and the path that does it.
ACTS = {
    "paused": ("pause", ("paused",)),
    "resumed": ("resume", ("running",)),
    "aborted": ("abort", ("aborted", "rolled-back", "rolling-back", "done")),
    "rolled_back": ("roll-back", ("rolled-back", "rolling-back", "aborted")),
}


def read_wave(text):
    if re.match(r"^\d+$", text):
        return {"count": int(text)}
    percent = re.match(r"^(\d+(?:\.\d+)?)\s*%$", text)
    if percent:
        return {"percent": float(percent.group(1))}
    label, is_label, value = text.partition("=")
    if is_label and label:
        return {"labels": {label: value}}
    if re.match(r"^[a-z0-9-]+(\+[a-z0-9-]+)*$", text):
        return {"names": text.split("+")}
    raise ApiError("waves: expected 1, 5%%, ring=canary or alice+bob, got %r" % text)


def request_of(params):
    request = given(params, "what", "select", "gates", "approval", "windows", "downgrade", "driver", "note")
    names = {
        "soak_seconds": "soakSeconds",
        "patience_seconds": "patienceSeconds",
        "max_unavailable": "maxUnavailable",
        "on_red": "onRed",
    }
    request.update({sent: params[name] for name, sent in names.items() if params[name] is not None})
    if params["waves"] is not None:
        request["waves"] = [read_wave(wave) for wave in params["waves"]]
    return request


def is_selected(node, select):
    labels = select.get("labels") or {}
    return (
        node["id"] in select.get("names", [node["id"]])
        and node["class"] == select.get("class", node["class"])
        and node["site"] == select.get("site", node["site"])
        and all(node["labels"].get(name) == value for name, value in labels.items())
    )


def has_all(api, request):
    """Whether every node that is meant says that it runs the version."""
    if request["what"].get("kind") != "node-agent":
        return False
    nodes = [node for node in api.nodes() if is_selected(node, request.get("select") or {})]
    return bool(nodes) and all(node["version"] == request["what"].get("version") for node in nodes)


def planned(module, api):
    return {"changed": False, "plan": api.call("POST", path_of("rollouts", "plan"), request_of(module.params))}


def started(module, api):
    request = request_of(module.params)
    same = [row for row in api.get(path_of("rollouts")) if row["what"] == request["what"]]
    going = next((row for row in same if row["state"] in GOING), None)
    if going:
        return {"changed": False, **batched(api, going)}
    if has_all(api, request):
        return {"changed": False, "rollout": {}, "todo": [], "batches": []}
    if module.check_mode:
        plan = api.call("POST", path_of("rollouts", "plan"), request)
        return {"changed": True, "rollout": {}, "todo": [], "batches": [], "plan": plan, "diff": diff_of({}, plan)}
    rollout = api.call("POST", path_of("rollouts"), request)
    diff = diff_of({}, {"rollout": rollout["text"], "waves": rollout["waves"]})
    return {"changed": True, **batched(api, rollout), "diff": diff}


def batched(api, rollout):
    """The nodes that a playbook still has to install, in the coordinator's order, and how many of them at a time: a batch is of one wave, and
    no larger than what may be under way."""
    result = {"rollout": rollout, "todo": [], "batches": []}
    if rollout["driver"] != "outside" or rollout["state"] not in ("running", "paused"):
        return result
    details = api.get(path_of("rollouts", rollout["id"]))
    if details["subjectCount"] > len(details["subjects"]):
        raise ApiError(
            "%d nodes are in the rollout, and a playbook can install %d: select fewer, or let the coordinator install it"
            % (details["subjectCount"], len(details["subjects"]))
        )
    # Those that were begun come first in the answer, then those that wait.
    todo = [row for row in details["subjects"] if row["state"] in ("told", "waiting")]
    todo.sort(key=lambda row: (row["wave"], row["state"] != "told"))
    sizes = []
    for wave in sorted({row["wave"] for row in todo}):
        left = sum(row["wave"] == wave for row in todo)
        while left > 0:
            sizes.append(min(left, rollout["maxUnavailable"]))
            left -= sizes[-1]
    return {**result, "todo": todo, "batches": sizes}


def steered(module, api):
    rollout_id = module.params["id"]
    rollout = api.get(path_of("rollouts", rollout_id))
    path, reached = ACTS[module.params["state"]]
    if rollout["state"] in reached:
        return {"changed": False, "rollout": rollout}
    diff = diff_of({"state": rollout["state"]}, {"state": module.params["state"].replace("_", "-")})
    if not module.check_mode:
        rollout = api.call("POST", path_of("rollouts", rollout_id, path))
    return {"changed": True, "rollout": rollout, "diff": diff}


def approved(module, api):
    rollout_id = module.params["id"]
    rollout = api.get(path_of("rollouts", rollout_id))
    if rollout["waitsFor"] != "approval":
        return {"changed": False, "rollout": rollout}
    diff = diff_of({"waitsFor": "approval"}, {"waitsFor": None})
    if not module.check_mode:
        rollout = api.call("POST", path_of("rollouts", rollout_id, "approve"))
    return {"changed": True, "rollout": rollout, "diff": diff}


def done(module, api):
    path = path_of("rollouts", module.params["id"])
    last = {}

    def look():
        last.update(api.get(path))
        return last if last["state"] not in ("running", "paused", "rolling-back") or module.check_mode else None

    rollout = until(lambda: "%s is %s: %s" % (last["text"], last["state"], last["reason"]), module.params["wait_timeout"], look)
    if rollout["state"] != "done" and not module.check_mode:
        raise ApiError("%s is %s: %s" % (rollout["text"], rollout["state"], rollout["reason"]))
    return {"changed": False, "rollout": rollout}


def turn(module, api):
    """Waits until something is to be done, for every node that is asked about where some are."""
    params = module.params
    path = path_of("rollouts", params["id"])
    asked = params["nodes"] or []
    last = {}

    def look():
        last.update(api.get(path + "/wave"))
        if last["go"] in ("stop", "go-back") or module.check_mode:
            return last
        rollout = api.get(path)
        subjects = {row["name"]: row for row in rollout["subjects"]}
        named = [each["node"] for each in last["nodes"]]
        open_still = [
            name for name in asked if name not in named and subjects[name]["state"] == "waiting" and not subjects[name]["away"]
        ]
        last["open"] = open_still
        if last["go"] == "done":
            return last
        if not asked:
            return last if named else None
        if not open_still:
            return last
        return behind(last, named, asked, open_still)

    unknown = [name for name in asked if name not in {row["name"] for row in api.get(path)["subjects"]}]
    if unknown:
        raise ApiError("nodes: %s is not in the rollout %s" % (", ".join(unknown), params["id"]))
    answer = until(lambda: "Nobody is next: %s" % last["reason"], params["wait_timeout"], look)
    mine = [each["node"] for each in answer["nodes"] if each["node"] in asked] if answer["go"] == "install" else []
    return {"changed": False, "turn": answer, "mine": mine, "rollout": api.get(path)}


def behind(answer, named, asked, open_still):
    """Others come before those that are asked about: machines that were away and are back. Only another run can install them."""
    others = [name for name in named if name not in asked]
    if others and not set(named) & set(asked):
        raise ApiError(
            "%s comes before %s, and is not in this batch: it was away and is back. Run the playbook again, it goes on from there"
            % (", ".join(others), ", ".join(open_still))
        )
    return None


def reported(module, api):
    params = module.params
    path = path_of("rollouts", params["id"])
    if module.check_mode:
        return {"changed": True, "turn": api.get(path + "/wave"), "rollout": api.get(path)}
    report = {"node": params["node"], "state": params["report"], **given(params, "text")}
    answer = api.call("POST", path + "/wave", report)
    last = {}

    def look():
        last.update(api.get(path))
        row = next((row for row in last["subjects"] if row["name"] == params["node"]), None)
        return last if row is None or row["state"] not in ("told", "returning") else None

    if params["wait_timeout"] > 0 and params["report"] != "begun":
        until(lambda: "The coordinator has not heard it from %s itself" % params["node"], params["wait_timeout"], look)
    return {"changed": True, "turn": answer, "rollout": api.get(path)}


WORK = {"planned": planned, "started": started, "approved": approved, "done": done, "turn": turn, "reported": reported}


def main():
    strings = {"type": "list", "elements": "str"}
    module = AnsibleModule(
        argument_spec={
            **connection_spec(),
            "state": {"type": "str", "choices": sorted([*WORK, *ACTS]), "default": "started"},
            "id": {"type": "str"},
            "what": {"type": "dict"},
            "select": {"type": "dict"},
            "waves": strings,
            "soak_seconds": {"type": "int"},
            "patience_seconds": {"type": "int"},
            "max_unavailable": {"type": "int"},
            "gates": strings,
            "on_red": {"type": "str", "choices": ["roll-back", "stop"]},
            "approval": {"type": "str", "choices": ["none", "first", "each"]},
            "windows": {"type": "list", "elements": "dict"},
            "downgrade": {"type": "bool"},
            "driver": {"type": "str", "choices": ["coordinator", "outside"]},
            "note": {"type": "str"},
            "nodes": strings,
            "node": {"type": "str"},
            "report": {"type": "str", "choices": ["begun", "installed", "failed", "returned"]},
            "text": {"type": "str"},
            "wait_timeout": {"type": "int", "default": 0},
        },
        required_if=[
            ("state", "planned", ["what"]),
            ("state", "started", ["what"]),
            ("state", "reported", ["id", "node", "report"]),
            *[("state", state, ["id"]) for state in sorted([*ACTS, "approved", "done", "turn"])],
        ],
        supports_check_mode=True,
    )
    work = WORK.get(module.params["state"], steered)
    run_module(module, lambda api: work(module, api))


if __name__ == "__main__":
    main()
