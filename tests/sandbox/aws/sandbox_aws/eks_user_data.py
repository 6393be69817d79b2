"""The user data of managed nodes: EKS merges its own into the launch template's ("Customize managed nodes with launch
templates", EKS user guide), unless the template has an image id.

Amazon Linux: the template's MIME parts in their order, then EKS's part. nodeadm merges NodeConfigs in the order of the
parts, the last value wins (nodeadm/internal/api/merge.go in amazon-eks-ami, commit 81fec2e), so EKS's does. Bottlerocket:
the template's TOML overrides EKS's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from .eks_model import Cluster

_BOUNDARY = "//"


class Invalid(Exception):
    """The launch template's user data can't be merged; the text is EKS's."""


@dataclass
class Kubelet:
    """What EKS sets on the kubelets of a node group."""

    max_pods: int
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)


EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def taint(one: dict[str, str]) -> str:
    """As for --register-with-taints."""
    value = f"={one['value']}" if one.get("value") else ""
    return f"{one['key']}{value}:{EFFECTS[one['effect']]}"


def dns(cluster: Cluster) -> str:
    network, _, _ = cluster.service_cidr.partition("/")
    return network.rsplit(".", 1)[0] + ".10" if "." in network else network + "a"


def merged(family: str, cluster: Cluster, kubelet: Kubelet, given: str) -> str:
    if family == "bottlerocket":
        return _bottlerocket(cluster, kubelet, given)
    own = _node_config(cluster, kubelet) if family == "al2023" else _bootstrap(cluster, kubelet)
    parts = [*_parts(given), own]
    body = "".join(f"--{_BOUNDARY}\n{part.strip()}\n\n" for part in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n{body}--{_BOUNDARY}--\n'


def _parts(given: str) -> list[str]:
    """The MIME parts, each with its headers."""
    if not given.strip():
        return []
    found = re.search(r'^content-type:\s*multipart/[^;]+;(?:[^\n]|\n[ \t])*?boundary="?([^"\n;]+)"?', given, re.I | re.M)
    if not found:
        raise Invalid("User data was not in the MIME multipart format.")
    boundary = re.escape(found[1].strip())
    pieces = re.split(rf"^--{boundary}(?:--)?[ \t]*\r?$", given, flags=re.M)
    return [piece.strip("\r\n") for piece in pieces[1:] if piece.strip()]


def _flags(kubelet: Kubelet) -> list[str]:
    flags = ["--node-labels=" + ",".join(f"{k}={v}" for k, v in kubelet.labels.items())]
    if kubelet.taints:
        flags.append("--register-with-taints=" + ",".join(taint(t) for t in kubelet.taints))
    return flags


def _node_config(cluster: Cluster, kubelet: Kubelet) -> str:
    config = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": {
        "cluster": {"apiServerEndpoint": cluster.endpoint, "certificateAuthority": cluster.ca,
                    "cidr": cluster.service_cidr, "name": cluster.name},
        "kubelet": {"config": {"maxPods": kubelet.max_pods, "clusterDNS": [dns(cluster)]}, "flags": _flags(kubelet)}}}
    return "Content-Type: application/node.eks.aws\n\n---\n" + yaml.safe_dump(config, sort_keys=False, width=10_000)


def _bootstrap(cluster: Cluster, kubelet: Kubelet) -> str:
    """AL2's, as seen on nodes (terraform-aws-modules/terraform-aws-eks#2297)."""
    extra = " ".join([*_flags(kubelet), f"--max-pods={kubelet.max_pods}"])
    return (f'Content-Type: text/x-shellscript; charset="us-ascii"\n\n#!/bin/bash\nset -ex\nB64_CLUSTER_CA={cluster.ca}\n'
            f"API_SERVER_URL={cluster.endpoint}\nK8S_CLUSTER_DNS_IP={dns(cluster)}\n"
            f"/etc/eks/bootstrap.sh {cluster.name} --kubelet-extra-args '{extra}' --b64-cluster-ca $B64_CLUSTER_CA "
            "--apiserver-endpoint $API_SERVER_URL --dns-cluster-ip $K8S_CLUSTER_DNS_IP --use-max-pods false\n")


def _bottlerocket(cluster: Cluster, kubelet: Kubelet, given: str) -> str:
    own: dict[str, Any] = {"api-server": cluster.endpoint, "cluster-certificate": cluster.ca, "cluster-name": cluster.name,
                           "cluster-dns-ip": dns(cluster), "max-pods": kubelet.max_pods, "node-labels": kubelet.labels}
    taints: dict[str, list[str]] = {}
    for one in kubelet.taints:
        taints.setdefault(one["key"], []).append(f"{one.get('value', '')}:{EFFECTS[one['effect']]}")
    if taints:
        own["node-taints"] = taints
    found: dict[str, Any] = {"settings": {"kubernetes": own}}
    if given.strip():
        import tomllib

        try:
            _overlay(found, tomllib.loads(given))
        except tomllib.TOMLDecodeError as error:
            raise Invalid("User data was not in the TOML format.") from error
    return "\n".join(_toml(found, ())) + "\n"


def _overlay(into: dict[str, Any], given: dict[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _overlay(into[key], value)
        else:
            into[key] = value


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)  # strings, numbers and booleans are written alike


def _toml(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {k: v for k, v in table.items() if not isinstance(v, dict)}
    lines = []
    if plain and path:
        lines.append(f"[{'.'.join(_key(p) for p in path)}]")
    lines += [f"{_key(k)} = {_value(v)}" for k, v in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _toml(value, (*path, key))
    return lines
