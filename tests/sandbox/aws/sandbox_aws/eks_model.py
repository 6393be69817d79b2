"""EKS clusters and their add-ons, node groups and access entries."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .errors import AwsError
from .world import Context


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Update:
    kind: str
    params: dict[str, str]
    addon: str | None = None
    nodegroup: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"
    errors: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = field(default_factory=now)

    def fail(self, code: str, message: str, resources: list[str]) -> None:
        self.status = "Failed"
        self.errors.append({"errorCode": code, "errorMessage": message, "resourceIds": resources})

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "status": self.status, "type": self.kind, "createdAt": self.created,
                "params": [{"type": k, "value": v} for k, v in self.params.items()], "errors": self.errors}


@dataclass
class Addon:
    name: str
    version: str
    arn: str
    status: str = "ACTIVE"
    values: str | None = None  # configurationValues, as given
    role: str | None = None  # serviceAccountRoleArn
    pod_identities: list[str] = field(default_factory=list)  # ARNs of its associations
    issues: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)


@dataclass
class AccessEntry:
    principal: str
    kind: str
    username: str
    groups: list[str]
    arn: str
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # policy ARN -> accessScope
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)


@dataclass
class Nodegroup:
    name: str
    arn: str
    group: str  # Auto Scaling group
    role: str
    subnets: list[str]
    instance_types: list[str]
    ami_type: str
    labels: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "ACTIVE"
    issues: list[dict[str, Any]] = field(default_factory=list)
    taints: list[dict[str, str]] = field(default_factory=list)
    capacity_type: str = "ON_DEMAND"
    disk_size: int | None = 20  # None: the launch template's
    remote_access: dict[str, Any] | None = None
    launch_template: dict[str, str] | None = None  # the one that was given: id, name, version
    update_config: dict[str, Any] = field(default_factory=lambda: {"maxUnavailable": 1})
    repair: dict[str, Any] = field(default_factory=lambda: {"enabled": False})
    image: str = ""
    types_in_template: bool = False
    release: str = ""  # empty: the latest
    max_pods: int = 0
    # What EKS creates with the group: its launch template, instance profile, and security group for remote access.
    own_template: str = ""
    profile: str = ""
    remote_group: str = ""
    # What DescribeNodegroup shows of its Auto Scaling group's sizes, and whether EKS is about to read them again.
    sizes: dict[str, int] = field(default_factory=dict)
    looking: bool = False
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)


@dataclass
class Cluster:
    name: str
    arn: str
    version: str
    endpoint: str
    ca: str  # base64
    role: str
    service_cidr: str
    ip_family: str
    authentication_mode: str
    auto_mode: bool
    vpc: str = ""
    subnets: list[str] = field(default_factory=list)
    security_group: str = ""
    additional_groups: list[str] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    addons: dict[str, Addon] = field(default_factory=dict)
    nodegroups: dict[str, Nodegroup] = field(default_factory=dict)
    entries: dict[str, AccessEntry] = field(default_factory=dict)
    fargate: dict[str, Any] = field(default_factory=dict)  # Fargate profiles by name
    tags: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, Any]] = field(default_factory=dict)  # client tokens: (request, answer)
    created: datetime = field(default_factory=now)
    id: str = field(default_factory=lambda: uuid.uuid4().hex.upper())
    status: str = "ACTIVE"


def require(context: Context, name: str) -> Cluster:
    found = context.world.regions[context.region].clusters.get(name)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404, clusterName=name)
    return found


def once(cluster: Cluster, operation: str, params: dict[str, Any], make: Callable[[], Any]) -> Any:
    """Idempotency by clientRequestToken: a repeated request gets the first response."""
    token = params.get("clientRequestToken")
    if not token:
        return make()
    request = json.dumps([operation, {k: v for k, v in params.items() if k != "clientRequestToken"}], sort_keys=True,
                         default=str)
    if token in cluster.tokens:
        earlier, answer = cluster.tokens[token]
        if earlier != request:
            raise AwsError("InvalidParameterException",
                           "The clientRequestToken was used before with other request parameters.",
                           clusterName=cluster.name)
        return answer() if callable(answer) else answer
    result = make()
    cluster.tokens[token] = (request, result)
    return result
