"""AWS::AutoScaling::AutoScalingGroup and AWS::EKS::AccessEntry."""

from __future__ import annotations

from typing import Any

from ..errors import AwsError
from .resources import Job, Kind, Made, Steps, kind, number, only, truth

_POLL = 0.1


@kind("AWS::AutoScaling::AutoScalingGroup")
class AutoScalingGroup(Kind):
    replaced_by = frozenset({"AutoScalingGroupName"})
    in_place = frozenset({"MinSize", "MaxSize", "DesiredCapacity", "HealthCheckGracePeriod", "Cooldown", "HealthCheckType",
                          "NewInstancesProtectedFromScaleIn", "CapacityRebalance", "TerminationPolicies",
                          "VPCZoneIdentifier", "LaunchTemplate", "Tags"})

    def _wanted(self, job: Job, name: str, props: dict[str, Any]) -> dict[str, Any]:
        wanted: dict[str, Any] = {"AutoScalingGroupName": name, "MinSize": number(props["MinSize"]),
                                  "MaxSize": number(props["MaxSize"])}
        for key in ("DesiredCapacity", "HealthCheckGracePeriod"):
            if key in props:
                wanted[key] = number(props[key])
        if "Cooldown" in props:
            wanted["DefaultCooldown"] = number(props["Cooldown"])
        for key in ("NewInstancesProtectedFromScaleIn", "CapacityRebalance"):
            if key in props:
                wanted[key] = truth(props[key])
        wanted.update(only(props, "HealthCheckType", "TerminationPolicies"))
        if "VPCZoneIdentifier" in props:
            wanted["VPCZoneIdentifier"] = ",".join(props["VPCZoneIdentifier"])
        if "LaunchTemplate" in props:
            wanted["LaunchTemplate"] = {k: str(v) for k, v in props["LaunchTemplate"].items()}
        return wanted

    def _tags(self, job: Job, name: str, props: dict[str, Any]) -> list[dict[str, Any]]:
        own = {t["Key"]: t for t in props.get("Tags", [])}
        return [{"ResourceId": name, "ResourceType": "auto-scaling-group", **t,
                 "PropagateAtLaunch": truth(own.get(t["Key"], {}).get("PropagateAtLaunch", True))}
                for t in job.tags(props.get("Tags"))]

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        name = props.get("AutoScalingGroupName") or job.name(255)
        job.call("autoscaling", "CreateAutoScalingGroup", {**self._wanted(job, name, props),
                                                           "Tags": self._tags(job, name, props)})
        yield job.wait("stack-resource")
        return Made(name, self._attributes(job, name))

    def _attributes(self, job: Job, name: str) -> dict[str, Any]:
        found = job.call("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [name]})
        return {"AutoScalingGroupARN": found["AutoScalingGroups"][0]["AutoScalingGroupARN"]}

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        job.call("autoscaling", "UpdateAutoScalingGroup", self._wanted(job, physical, new))
        gone = {t["Key"] for t in old.get("Tags", [])} - {t["Key"] for t in new.get("Tags", [])}
        if gone:
            job.call("autoscaling", "DeleteTags", {"Tags": [
                {"ResourceId": physical, "ResourceType": "auto-scaling-group", "Key": k} for k in gone]})
        job.call("autoscaling", "CreateOrUpdateTags", {"Tags": self._tags(job, physical, new)})
        yield job.wait("stack-resource")
        return Made(physical, self._attributes(job, physical))

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        """CloudFormation empties the group first, then deletes it."""
        job.call("autoscaling", "UpdateAutoScalingGroup", {
            "AutoScalingGroupName": physical, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0})
        def present() -> list[dict[str, Any]]:
            found = job.call("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [physical]})
            return found["AutoScalingGroups"]

        while any(group.get("Instances") for group in present()):
            yield _POLL
        job.call("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": physical})
        while present():
            yield _POLL
        return None


@kind("AWS::EKS::AccessEntry")
class AccessEntry(Kind):
    replaced_by = frozenset({"ClusterName", "PrincipalArn", "Type"})
    in_place = frozenset({"Username", "KubernetesGroups", "AccessPolicies", "Tags"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        wanted = {"clusterName": props["ClusterName"], "principalArn": props["PrincipalArn"], "tags": {
            t["Key"]: t["Value"] for t in job.tags(props.get("Tags"))}}
        for theirs, ours in (("type", "Type"), ("username", "Username"), ("kubernetesGroups", "KubernetesGroups")):
            if ours in props:
                wanted[theirs] = props[ours]
        made = job.call("eks", "CreateAccessEntry", wanted)["accessEntry"]
        self._policies(job, props, props.get("AccessPolicies", []), [])
        yield job.wait("stack-resource")
        return Made(f"{props['PrincipalArn']}|{props['ClusterName']}", {"AccessEntryArn": made["accessEntryArn"]})

    def _policies(self, job: Job, props: dict[str, Any], wanted: list[dict[str, Any]], old: list[dict[str, Any]]) -> None:
        base = {"clusterName": props["ClusterName"], "principalArn": props["PrincipalArn"]}
        for policy in wanted:
            scope = policy["AccessScope"]
            job.call("eks", "AssociateAccessPolicy", {**base, "policyArn": policy["PolicyArn"], "accessScope": {
                "type": scope["Type"], "namespaces": scope.get("Namespaces", [])}})
        for policy in old:
            if policy["PolicyArn"] not in [p["PolicyArn"] for p in wanted]:
                job.call("eks", "DisassociateAccessPolicy", {**base, "policyArn": policy["PolicyArn"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        wanted = {"clusterName": new["ClusterName"], "principalArn": new["PrincipalArn"]}
        for theirs, ours in (("username", "Username"), ("kubernetesGroups", "KubernetesGroups")):
            if new.get(ours) != old.get(ours):
                wanted[theirs] = new[ours]
        if len(wanted) > 2:
            job.call("eks", "UpdateAccessEntry", wanted)
        self._policies(job, new, new.get("AccessPolicies", []), old.get("AccessPolicies", []))
        yield job.wait("stack-resource")
        arn = job.call("eks", "DescribeAccessEntry", {k: wanted[k] for k in ("clusterName", "principalArn")})
        return Made(physical, {"AccessEntryArn": arn["accessEntry"]["accessEntryArn"]})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        try:
            job.call("eks", "DeleteAccessEntry", {"clusterName": props["ClusterName"],
                                                  "principalArn": props["PrincipalArn"]})
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
        yield job.wait("stack-resource")
        return None
