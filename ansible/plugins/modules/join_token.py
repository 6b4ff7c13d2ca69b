#!/usr/bin/python
# Makes and revokes join tokens.
from __future__ import annotations

DOCUMENTATION = r"""
module: join_token
short_description: Make and revoke join tokens of a BlackRoad fleet
description:
  - A join token lets machines become nodes. Its text is told once, when it is made.
  - With O(path) the text is kept in a file on the machine where the module runs, and the same token is used again for as long as it is
    good, has a use left and fits the options. Without it each run makes another token.
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - blackroad.fleet.api
attributes:
  check_mode:
    support: full
    description: Nothing is made or revoked, and no token is told.
  diff_mode:
    support: full
    description: Shows the token that would be made or revoked, without its secret.
options:
  state:
    description:
      - V(present) makes a token, or finds the one of O(path).
      - V(absent) revokes the token of O(id) or O(path).
    type: str
    choices: [present, absent]
    default: present
  id:
    description: The token to revoke.
    type: str
  uses:
    description: How many machines may join with it.
    type: int
    default: 1
  expires:
    description: Seconds for which it is good.
    type: int
    default: 3600
  class:
    description: Hardware class of the machines. If not set, it follows the hardware that is found.
    type: str
  site:
    description: Site of the machines.
    type: str
    default: home
  labels:
    description: Labels of the machines.
    type: dict
  address:
    description: Host name or address at which the machines reach the coordinator. If not set, the coordinator says its own.
    type: str
  path:
    description:
      - File that keeps the token, readable by its owner alone. With O(state=absent) it is removed, too.
    type: path
"""

EXAMPLES = r"""
- name: A token for ten machines of the attic
  blackroad.fleet.join_token:
    uses: 10
    expires: 86400
    site: attic
    labels:
      ring: canary
    path: ~/.blackroad/attic.json
  register: attic

- name: The line for a machine that ansible does not reach
  ansible.builtin.debug:
    msg: "{{ attic.command }}"

- name: No further machine may join with it
  blackroad.fleet.join_token:
    path: ~/.blackroad/attic.json
    state: absent
"""

RETURN = r"""
token:
  description: The token without its secret. In check mode, what was asked for.
  type: dict
  returned: success
  sample: {"id": "3f2a5c9e01bd", "uses": 10, "usesLeft": 10, "class": null, "site": "attic", "labels": {}, "expiresMs": 1796000000000}
text:
  description: The text of the token, C(brj1....).
  type: str
  returned: with O(state=present), not in check mode when one would be made
url:
  description: The address of the coordinator that the token carries.
  type: str
  returned: with RV(text)
ca_fingerprint:
  description: SHA-256 of the fleet's CA that the token carries.
  type: str
  returned: with RV(text)
installer_sha256:
  description: SHA-256 of the installer that the coordinator serves at C(/install.sh).
  type: str
  returned: with RV(text)
command:
  description: The one line that makes a machine a node.
  type: str
  returned: with RV(text)
"""

import base64
import json
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.blackroad.fleet.plugins.module_utils.api import (
    ApiError,
    connection_spec,
    diff_of,
    given,
    path_of,
    run_module,
    write_secret,
)

SHOWN = ("id", "uses", "usesLeft", "class", "site", "labels", "expiresMs")


def read_kept(path):
    """What the file keeps; None: no file, or none of this module."""
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        return kept if isinstance(kept, dict) and isinstance(kept.get("command"), str) else None
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise ApiError("path: %s cannot be read: %s" % (path, error)) from error


def shown(token):
    return {name: token.get(name) for name in SHOWN}


def secrets_of(command):
    """What the one line is made of, so that a role can do the same steps."""
    found = re.search(r'echo "([0-9a-f]{64}) .* (brj1\.[A-Za-z0-9_-]+)$', command)
    if not found:
        raise ApiError("The coordinator's one line is of another form than this collection knows: update the collection.")
    sha256, text = found.groups()
    body = text[len("brj1."):]
    carried = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return {"text": text, "url": carried["url"], "ca_fingerprint": carried["ca"], "installer_sha256": sha256, "command": command}


def fits(token, wanted):
    """A good token that was made for the same machines."""
    is_good = not token["revoked"] and token["expiresMs"] > time.time() * 1000 and token["usesLeft"] > 0
    wishes = (("uses", 1), ("class", None), ("site", "home"), ("labels", {}))
    return is_good and all(token[name] == wanted.get(name, default) for name, default in wishes)


def present(module, api):
    params = module.params
    wanted = given(params, "uses", "class", "site", "labels", "address")
    wanted["expiresSeconds"] = params["expires"]
    kept = read_kept(params["path"]) if params["path"] else None
    if kept:
        known = {token["id"]: token for token in api.get(path_of("join-tokens"))}.get(kept.get("id"))
        if known and fits(known, wanted):
            return {"changed": False, "token": shown(known), **secrets_of(kept["command"])}
    if module.check_mode:
        return {"changed": True, "token": wanted, "diff": diff_of({}, wanted)}
    made = api.call("POST", path_of("join-tokens"), wanted)
    if params["path"]:
        try:
            write_secret(params["path"], json.dumps({"id": made["id"], "command": made["command"]}) + "\n")
        except OSError as error:
            api.call("DELETE", path_of("join-tokens", made["id"]))
            raise ApiError("path: %s cannot be written: %s" % (params["path"], error)) from error
    return {"changed": True, "token": shown(made), "diff": diff_of({}, shown(made)), **secrets_of(made["command"])}


def absent(module, api):
    params = module.params
    kept = read_kept(params["path"]) if params["path"] else None
    token_id = params["id"] or (kept or {}).get("id")
    token = {each["id"]: each for each in api.get(path_of("join-tokens"))}.get(token_id)
    is_open = token is not None and not token["revoked"]
    changed = is_open or kept is not None
    if changed and not module.check_mode:
        if is_open:
            api.call("DELETE", path_of("join-tokens", token_id))
        if kept is not None:
            os.unlink(params["path"])
    result = {"changed": changed, "token": shown(token) if token else {"id": token_id}}
    if is_open:
        result["diff"] = diff_of(shown(token), {})
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            **connection_spec(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "id": {"type": "str"},
            "uses": {"type": "int", "default": 1},
            "expires": {"type": "int", "default": 3600},
            "class": {"type": "str"},
            "site": {"type": "str", "default": "home"},
            "labels": {"type": "dict"},
            "address": {"type": "str"},
            "path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    if module.params["state"] == "absent" and not (module.params["id"] or module.params["path"]):
        module.fail_json(msg="state absent needs id or path: which token is to be revoked?")
    work = present if module.params["state"] == "present" else absent
    run_module(module, lambda api: work(module, api))


if __name__ == "__main__":
    main()
