# Options by which each module of this collection reaches the coordinator.
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  coordinator:
    description:
      - Address of the coordinator, such as C(https://192.168.1.4:8401).
      - C(http://127.0.0.1:8400) is for the machine of the coordinator itself; plain HTTP to any other machine is refused.
      - If not set, the environment variable E(BLACKROAD_COORDINATOR) is used.
    type: str
    required: true
  key:
    description:
      - API key with the rights that the module needs.
      - If not set, the environment variable E(BLACKROAD_KEY) is used.
    type: str
    required: true
  ca_fingerprint:
    description:
      - SHA-256 of the certificate of the fleet's CA, as 64 hexadecimal digits. The certificate is fetched from the coordinator and used
        only when it has this hash.
      - If not set, the environment variable E(BLACKROAD_CA_FINGERPRINT) is used.
    type: str
  ca_file:
    description:
      - File with the certificate of the fleet's CA, on the machine where the module runs.
      - If not set, the environment variable E(BLACKROAD_CA) is used.
      - With neither O(ca_file) nor O(ca_fingerprint) the certificates of the system decide, for a coordinator behind a reverse proxy.
    type: path
  timeout:
    description:
      - Seconds that one call may take, with all its repetitions.
    type: int
    default: 30
"""
