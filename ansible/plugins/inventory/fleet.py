# The nodes of a fleet as an inventory: read from the coordinator, a page at a time, with groups and variables of what each node reported.
from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: The nodes of a BlackRoad fleet
description:
  - Every node is a host, named by its id.
  - It is in groups by class (C(class_pi)), site (C(site_home)), label (C(label_ring_canary)), presence (C(presence_online)), health
    (C(health_ok), C(health_warning) or C(health_error), by the worst of what is wrong with it) and version of its node-agent
    (C(version_0_2_0)).
  - C(ansible_host) is the address that the node told of its machine, or else its host name.
  - What is known of it is in variables that begin with C(blackroad_), such as C(blackroad_class), C(blackroad_labels), C(blackroad_board),
    C(blackroad_memory_bytes), C(blackroad_models) and C(blackroad_agents).
version_added: 1.0.0
author:
  - BlackRoad Fleet (@blackroad)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks a file as one of this plugin.
    type: str
    required: true
    choices: [blackroad.fleet.fleet]
  coordinator:
    description: Address of the coordinator, such as C(https://192.168.1.4:8401).
    type: str
    required: true
    env:
      - name: BLACKROAD_COORDINATOR
  key:
    description: API key with the role viewer, or more.
    type: str
    required: true
    env:
      - name: BLACKROAD_KEY
  ca_fingerprint:
    description: SHA-256 of the certificate of the fleet's CA, as 64 hexadecimal digits.
    type: str
    env:
      - name: BLACKROAD_CA_FINGERPRINT
  ca_file:
    description: File with the certificate of the fleet's CA.
    type: path
    env:
      - name: BLACKROAD_CA
  timeout:
    description: Seconds that one page may take.
    type: int
    default: 30
  simulated:
    description: Whether simulated nodes are hosts, too. No machine stands behind them.
    type: bool
    default: false
"""

EXAMPLES = r"""
# fleet.blackroad.yml; the key comes from BLACKROAD_KEY
plugin: blackroad.fleet.fleet
coordinator: https://192.168.1.4:8401
ca_fingerprint: 4c1b6b0a5f0e0f3b3ce8d6f3b3a5f4f6f2b6e5d4c3b2a190817263544536271a
cache: true
compose:
  ansible_user: "'pi' if blackroad_class == 'pi' else 'root'"
keyed_groups:
  - key: blackroad_arch
    prefix: arch
groups:
  draining: blackroad_draining
"""

import ipaddress
from urllib.parse import urlsplit

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.blackroad.fleet.plugins.module_utils.api import Api, ApiError

# What is worse comes later; the words are those of the coordinator.
SEVERITIES = ("ok", "warning", "error")


def health_of(node):
    worst = max((SEVERITIES.index(each["severity"]) for each in node["conditions"] if each["severity"] in SEVERITIES), default=0)
    return SEVERITIES[worst]


def address_of(node, coordinator):
    """Where ansible reaches the machine. A node on the coordinator's own machine connects over loopback."""
    address = node.get("address")
    if address and ipaddress.ip_address(address).is_loopback:
        return urlsplit(coordinator if "://" in coordinator else "https://" + coordinator).hostname
    return address or (node["info"] or {}).get("hostname") or node["id"]


def variables_of(node):
    info, capacity = node["info"] or {}, node["capacity"] or {}
    return {
        "node": node["id"],
        "class": node["class"],
        "site": node["site"],
        "labels": node["labels"],
        "status": node["status"],
        "presence": node["presence"],
        "presence_reason": node["presenceReason"],
        "health": health_of(node),
        "conditions": node["conditions"],
        "version": node["version"],
        "cordoned": node["cordoned"],
        "draining": node["draining"],
        "agents": node["agents"],
        "hostname": info.get("hostname"),
        "board": info.get("board"),
        "os": info.get("os"),
        "arch": info.get("arch"),
        "cpu": info.get("cpu"),
        "cores": info.get("cores"),
        "memory_bytes": info.get("memoryBytes"),
        "gpus": info.get("gpus", []),
        "runtimes": info.get("runtimes", []),
        "notes": info.get("notes", []),
        "models": [model["name"] for model in capacity.get("models", [])],
        "disk_free_bytes": capacity.get("diskFreeBytes"),
    }


def groups_of(node):
    yield "class_" + node["class"]
    yield "site_" + node["site"]
    for name, value in node["labels"].items():
        yield "label_%s_%s" % (name, value) if value else "label_" + name
    yield "presence_" + node["presence"]
    yield "health_" + health_of(node)
    if node["version"]:
        yield "version_" + node["version"]
    if node["status"] != "active":
        yield "status_" + node["status"]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "blackroad.fleet.fleet"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("blackroad.yml", "blackroad.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for node in self._nodes(self.get_cache_key(path), cache):
            self._add(node)

    def _nodes(self, cache_key, cache):
        uses_cache = self.get_option("cache")
        if uses_cache and cache:
            try:
                return self._cache[cache_key]
            except KeyError:
                pass
        names = ("coordinator", "key", "ca_fingerprint", "ca_file", "timeout")
        try:
            nodes = list(Api(**{name: self.get_option(name) for name in names}).nodes())
        except ApiError as error:
            raise AnsibleParserError(str(error)) from error
        if uses_cache:
            self._cache[cache_key] = nodes
        return nodes

    def _add(self, node):
        if (node["info"] or {}).get("simulated") and not self.get_option("simulated"):
            return
        host = node["id"]
        self.inventory.add_host(host)
        self.inventory.set_variable(host, "ansible_host", address_of(node, self.get_option("coordinator")))
        variables = {"blackroad_" + name: value for name, value in variables_of(node).items()}
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        for name in groups_of(node):
            self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(name)), host)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)
