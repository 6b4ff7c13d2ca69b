#!/usr/bin/python
# Makes and revokes API keys, and sets their budgets.
from __future__ import annotations

DOCUMENTATION = r"""
module: key
short_description: Make and revoke API keys of a BlackRoad fleet
description:
  - An API key is told once, when it is made. With O(path) it is kept in a file on the machine where the module runs.
  - A key is found by its name. Keys that are revoked or over do not count.
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - blackroad.fleet.api
attributes:
  check_mode:
    support: full
    description: Nothing is made, changed or revoked, and no key is told.
  diff_mode:
    support: full
    description: Shows the fields that differ; never the key itself.
options:
  name:
    description: What the key is for.
    type: str
    required: true
  state:
    description: V(absent) revokes every key of that name.
    type: str
    choices: [present, absent]
    default: present
  role:
    description: What it may do. Needed with O(state=present).
    type: str
    choices: [client, viewer, operator, admin]
  expires:
    description: Seconds for which a key that is made is good. If not set, it is good for ever.
    type: int
  budget:
    description: What it may use. If not set, the budget of a key that is there stays as it is; an empty one removes it.
    type: dict
    suboptions:
      tokens:
        description: Tokens of prompts and answers together.
        type: int
      usd:
        description: US dollars for nodes that cost money.
        type: float
      per:
        description: When it is renewed.
        type: str
        choices: [day, month, total]
        default: month
  recreate:
    description:
      - A key keeps its role. With another O(role), or where O(path) is set and does not hold the key, V(true) revokes the key and makes
        another one; V(false) fails.
    type: bool
    default: false
  path:
    description:
      - File that keeps the key, readable by its owner alone. With O(state=absent) it is removed, too.
    type: path
"""

EXAMPLES = r"""
- name: A key for Home Assistant
  blackroad.fleet.key:
    name: home-assistant
    role: operator
    path: ~/.blackroad/home-assistant.key

- name: A key for guests, with a budget
  blackroad.fleet.key:
    name: guests
    role: client
    expires: 2592000
    budget:
      tokens: 100000
      per: day
  register: guests

- name: Nobody needs it any more
  blackroad.fleet.key:
    name: guests
    state: absent
"""

RETURN = r"""
info:
  description: The key without its secret. With O(state=absent) and in check mode, what is known of it.
  type: dict
  returned: success
  sample: {"id": "k3f2a5c9e01b", "name": "guests", "role": "client", "expiresMs": null, "budget": null}
secret:
  description: The key itself, C(brk_...), where it was made in this run.
  type: str
  returned: when it is made, not in check mode
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.blackroad.fleet.plugins.module_utils.api import (
    ApiError,
    connection_spec,
    diff_of,
    path_of,
    run_module,
    write_secret,
)

SHOWN = ("id", "name", "role", "expiresMs", "budget")


def budget_of(view):
    """A budget as a person sets it; None: there is none."""
    return None if view is None else {name: view[name] for name in ("tokens", "usd", "per") if view.get(name) is not None}


def shown(key):
    return {**{name: key.get(name) for name in SHOWN}, "budget": budget_of(key.get("budget"))}


def good_keys(api, name):
    now_ms = time.time() * 1000
    keys = [key for key in api.get(path_of("keys")) if key["name"] == name and not key["revoked"]]
    # The newest is the one that counts.
    return sorted((key for key in keys if key["expiresMs"] is None or key["expiresMs"] > now_ms), key=lambda key: -key["createdMs"])


def read_kept(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ApiError("path: %s cannot be read: %s" % (path, error)) from error


def why_recreate(params, key):
    """None: the key that is there will do."""
    if key["role"] != params["role"]:
        return "the key %s (%s) has the role %s, not %s" % (key["name"], key["id"], key["role"], params["role"])
    if params["path"] and not read_kept(params["path"]).startswith("brk_%s_" % key["id"]):
        return "the key %s (%s) is not the one in %s, and is told once only" % (key["name"], key["id"], params["path"])
    return None


def make(module, api, old, wanted_budget):
    params = module.params
    wanted = {"name": params["name"], "role": params["role"]}
    if params["expires"] is not None:
        wanted["expiresSeconds"] = params["expires"]
    if wanted_budget:
        wanted["budget"] = wanted_budget
    diff = diff_of(shown(old) if old else {}, wanted)
    if module.check_mode:
        return {"changed": True, "info": wanted, "diff": diff}
    # Two good keys of one name cannot be.
    if old:
        if params["key"].startswith("brk_%s_" % old["id"]):
            raise ApiError("name: %s is the key that asks, and would be revoked before another one is made: ask with another key" % old["name"])
        api.call("DELETE", path_of("keys", old["id"]))
    made = api.call("POST", path_of("keys"), wanted)
    if params["path"]:
        try:
            write_secret(params["path"], made["key"] + "\n")
        except OSError as error:
            api.call("DELETE", path_of("keys", made["id"]))
            raise ApiError("path: %s cannot be written: %s" % (params["path"], error)) from error
    return {"changed": True, "info": shown(made), "secret": made["key"], "diff": diff}


def present(module, api):
    params = module.params
    given = params["budget"]
    wanted = None if given is None else {name: value for name, value in given.items() if value is not None}
    # Without a limit it is no budget.
    wanted = {} if wanted is not None and not {"tokens", "usd"} & set(wanted) else wanted
    key = next(iter(good_keys(api, params["name"])), None)
    if key is None:
        return make(module, api, None, wanted)
    why = why_recreate(params, key)
    if why is not None:
        if not params["recreate"]:
            raise ApiError("%s: with recreate it is revoked, and another one is made" % why)
        return make(module, api, key, wanted if wanted is not None else budget_of(key["budget"]))
    before = budget_of(key["budget"]) or {}
    if wanted is None or wanted == before:
        return {"changed": False, "info": shown(key)}
    diff = diff_of({"budget": before}, {"budget": wanted})
    if not module.check_mode:
        path = path_of("keys", key["id"], "budget")
        key = api.call("PUT", path, wanted) if wanted else api.call("DELETE", path)
    return {"changed": True, "info": shown(key), "diff": diff}


def absent(module, api):
    params = module.params
    keys = good_keys(api, params["name"])
    has_file = bool(params["path"]) and os.path.exists(params["path"])
    if not module.check_mode:
        for key in keys:
            api.call("DELETE", path_of("keys", key["id"]))
        if has_file:
            os.unlink(params["path"])
    info = shown(keys[0]) if keys else {"name": params["name"]}
    result = {"changed": bool(keys) or has_file, "info": info}
    if keys:
        result["diff"] = diff_of({"keys": [shown(key) for key in keys]}, {"keys": []})
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            **connection_spec(),
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "role": {"type": "str", "choices": ["client", "viewer", "operator", "admin"]},
            "expires": {"type": "int"},
            "budget": {
                "type": "dict",
                "options": {
                    "tokens": {"type": "int", "no_log": False},
                    "usd": {"type": "float"},
                    "per": {"type": "str", "choices": ["day", "month", "total"], "default": "month"},
                },
            },
            "recreate": {"type": "bool", "default": False},
            "path": {"type": "path"},
        },
        required_if=[("state", "present", ["role"])],
        supports_check_mode=True,
    )
    work = present if module.params["state"] == "present" else absent
    run_module(module, lambda api: work(module, api))


if __name__ == "__main__":
    main()
