"""Stacks, their resources and events, and how responses show them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import AwsError
from ..world import Context


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Resource:
    logical: str
    kind: str
    physical: str = ""
    status: str = ""
    reason: str = ""
    props: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    keep: str = "Delete"  # DeletionPolicy
    time: datetime = field(default_factory=now)


@dataclass
class Event:
    logical: str
    physical: str
    kind: str
    status: str
    reason: str
    token: str
    props: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=now)


@dataclass
class Stack:
    name: str
    id: str
    body: str
    template: dict[str, Any]
    raw_parameters: dict[str, str]
    parameters: dict[str, Any]
    tags: dict[str, str]
    capabilities: list[str]
    owner: Any  # the caller whose permissions are used; None for AWS itself
    region: str
    status: str = "CREATE_IN_PROGRESS"
    reason: str = ""
    on_failure: str = "ROLLBACK"
    making: bool = False  # resources are being created; a delete waits for those that have started
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)  # oldest first
    tokens: dict[str, str] = field(default_factory=dict)  # client token -> request
    token: str = ""  # of the operation under way
    protected: bool = False
    role: str | None = None
    description: str = ""
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None

    def physical_id(self, logical: str) -> str:
        return self.resources[logical].physical

    def event(self, status: str, reason: str = "") -> None:
        self.status, self.reason = status, reason
        self.events.append(Event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason, self.token))

    def resource_event(self, resource: Resource, status: str, reason: str = "") -> None:
        resource.status, resource.reason, resource.time = status, reason, now()
        self.events.append(Event(resource.logical, resource.physical, resource.kind, status, reason, self.token,
                                 json.dumps(resource.props, default=str)))

    @property
    def deleting(self) -> bool:
        return self.status == "DELETE_IN_PROGRESS"

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")

    def shown(self) -> dict[str, Any]:
        declared = self.template.get("Parameters", {})
        rows = []
        for name, value in self.raw_parameters.items():
            hidden = str(declared.get(name, {}).get("NoEcho", "")).lower() == "true"
            row = {"ParameterKey": name, "ParameterValue": "****" if hidden else value}
            if declared.get(name, {}).get("Type", "").startswith("AWS::SSM::"):
                resolved = self.parameters.get(name)
                row["ResolvedValue"] = ",".join(resolved) if isinstance(resolved, list) else str(resolved)
            rows.append(row)
        found: dict[str, Any] = {
            "StackId": self.id, "StackName": self.name, "CreationTime": self.created, "StackStatus": self.status,
            "DisableRollback": self.on_failure == "DO_NOTHING", "Parameters": rows, "Capabilities": self.capabilities,
            "NotificationARNs": [], "Tags": [{"Key": k, "Value": v} for k, v in self.tags.items()],
            "Outputs": self.outputs, "EnableTerminationProtection": self.protected, "RollbackConfiguration": {},
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}}
        for key, value in (("StackStatusReason", self.reason), ("LastUpdatedTime", self.updated),
                           ("DeletionTime", self.deleted), ("Description", self.description), ("RoleARN", self.role)):
            if value:
                found[key] = value
        return found


def stacks(context: Context) -> list[Stack]:
    return context.world.regions[context.region].stacks


def live(context: Context, name: str) -> Stack | None:
    """By name: only stacks that are not deleted. By id: any."""
    for stack in reversed(stacks(context)):
        if stack.id == name or stack.name == name and stack.status != "DELETE_COMPLETE":
            return stack
    return None


def require(context: Context, name: str) -> Stack:
    found = live(context, name)
    if found is None:
        raise AwsError("ValidationError", f"Stack with id {name} does not exist")
    return found
