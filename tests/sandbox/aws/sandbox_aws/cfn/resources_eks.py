"""AWS::EKS::Nodegroup."""

from __future__ import annotations

import uuid
from typing import Any

from ..errors import AwsError
from .api_types import typed
from .resources import Job, Kind, Made, Steps, kind

_POLL = 0.2
# Property -> member of CreateNodegroup; the types below them differ in the case of their first letter too.
_MEMBERS = {name: name[0].lower() + name[1:] for name in (
    "ClusterName", "NodegroupName", "NodeRole", "Subnets", "InstanceTypes", "DiskSize", "AmiType", "CapacityType",
    "RemoteAccess", "LaunchTemplate", "Labels", "ScalingConfig", "Taints", "UpdateConfig", "NodeRepairConfig", "Version",
    "ReleaseVersion", "WarmPoolConfig")}
_AS_GIVEN = ("Labels",)


def _lower(value: Any) -> Any:
    if isinstance(value, dict):
        return {k[0].lower() + k[1:]: _lower(v) for k, v in value.items()}
    return [_lower(v) for v in value] if isinstance(value, list) else value


def _request(props: dict[str, Any], operation: str, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    found = {}
    for name, value in props.items():
        if name in _MEMBERS and (names is None or name in names):
            member = _MEMBERS[name]
            found[member] = typed("eks", operation, member, value if name in _AS_GIVEN else _lower(value))
    return found


@kind("AWS::EKS::Nodegroup")
class Nodegroup(Kind):
    replaced_by = frozenset({"ClusterName", "NodegroupName", "NodeRole", "Subnets", "InstanceTypes", "DiskSize", "AmiType",
                             "CapacityType", "RemoteAccess"})
    in_place = frozenset({"Labels", "ScalingConfig", "Taints", "UpdateConfig", "NodeRepairConfig", "Tags", "LaunchTemplate",
                          "Version", "ReleaseVersion", "ForceUpdateEnabled"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        wanted = _request(props, "CreateNodegroup")
        wanted.setdefault("nodegroupName", job.name(63))
        tags = {t["Key"]: t["Value"] for t in job.tags(props.get("Tags", {}))}
        job.call("eks", "CreateNodegroup", {**wanted, "tags": tags, "clientRequestToken": str(uuid.uuid4())})
        job.exists(f"{wanted['clusterName']}/{wanted['nodegroupName']}")
        yield from self._stable(job, wanted)
        return self._made(job, wanted)

    def _named(self, wanted: dict[str, Any]) -> dict[str, str]:
        return {k: wanted[k] for k in ("clusterName", "nodegroupName")}

    def _stable(self, job: Job, wanted: dict[str, Any]) -> Steps:
        while True:
            yield _POLL
            found = job.call("eks", "DescribeNodegroup", self._named(wanted))["nodegroup"]
            if found["status"] == "ACTIVE":
                return
            if found["status"] not in ("CREATING", "UPDATING"):
                issues = ", ".join(f"{{Code: {i['code']},Message: {i['message']},ResourceIds: "
                                   f"[{', '.join(i['resourceIds'])}]}}" for i in found["health"]["issues"])
                # As in eksctl's reports of failed stacks.
                raise AwsError("NotStabilized", f"Nodegroup {wanted['nodegroupName']} failed to stabilize: [{issues}]")

    def _made(self, job: Job, wanted: dict[str, Any]) -> Made:
        found = job.call("eks", "DescribeNodegroup", self._named(wanted))["nodegroup"]
        physical = f"{wanted['clusterName']}/{wanted['nodegroupName']}"
        return Made(physical, {"Arn": found["nodegroupArn"], "Id": physical, "ClusterName": wanted["clusterName"],
                               "NodegroupName": wanted["nodegroupName"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        changed = {k for k in {*old, *new} if old.get(k) != new.get(k)}
        if changed & {"LaunchTemplate", "Version", "ReleaseVersion"}:
            raise AwsError("ValidationError", "The sandbox does not emulate UpdateNodegroupVersion")
        named = dict(zip(("clusterName", "nodegroupName"), physical.split("/", 1), strict=True))
        request = _request(new, "CreateNodegroup", tuple(changed & {"ScalingConfig", "UpdateConfig", "NodeRepairConfig"}))
        if "Labels" in changed:
            before, after = old.get("Labels", {}), new.get("Labels", {})
            request["labels"] = {"addOrUpdateLabels": {k: v for k, v in after.items() if before.get(k) != v},
                                 "removeLabels": [k for k in before if k not in after]}
        if "Taints" in changed:
            before, after = _lower(old.get("Taints", [])), _lower(new.get("Taints", []))
            request["taints"] = {"addOrUpdateTaints": [t for t in after if t not in before],
                                 "removeTaints": [t for t in before if t not in after]}
        if request:
            job.call("eks", "UpdateNodegroupConfig", {**named, **request})
        yield from self._stable(job, named)
        return self._made(job, named)

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        named = dict(zip(("clusterName", "nodegroupName"), physical.split("/", 1), strict=True))
        try:
            job.call("eks", "DeleteNodegroup", named)
            while True:
                yield _POLL
                job.call("eks", "DescribeNodegroup", named)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
        return None
