"""AWS::AutoScaling::AutoScalingGroup and AWS::EKS::AccessEntry."""

from __future__ import annotations

from typing import Any

from ..errors import AwsError
from .api_types import typed
from .resources import Job, Kind, Made, Steps, kind, number, only, truth

_POLL = 0.1


# Properties with the API's names; the second ones are set by CreateAutoScalingGroup only, and by calls of their own later.
_SAME = frozenset({
    "MinSize", "MaxSize", "DesiredCapacity", "HealthCheckGracePeriod", "HealthCheckType", "LaunchTemplate",
    "MixedInstancesPolicy", "NewInstancesProtectedFromScaleIn", "CapacityRebalance", "TerminationPolicies", "PlacementGroup",
    "ServiceLinkedRoleARN", "MaxInstanceLifetime", "Context", "DesiredCapacityType", "DefaultInstanceWarmup",
    "InstanceMaintenancePolicy", "AvailabilityZoneDistribution", "AvailabilityZoneImpairmentPolicy",
    "LaunchConfigurationName", "SkipZonalShiftValidation", "CapacityReservationSpecification", "DeletionProtection", "InstanceLifecyclePolicy"})
_ONCE = frozenset({"LifecycleHookSpecificationList", "LoadBalancerNames", "TargetGroupARNs", "TrafficSources"})
_ATTACHED = {"LoadBalancerNames": "LoadBalancers", "TargetGroupARNs": "LoadBalancerTargetGroups",
             "TrafficSources": "TrafficSources"}


def _list(props: dict[str, Any], name: str) -> list[Any]:
    value = props.get(name, [])
    return value if isinstance(value, list) else [value]


@kind("AWS::AutoScaling::AutoScalingGroup")
class AutoScalingGroup(Kind):
    replaced_by = frozenset({"AutoScalingGroupName"})
    in_place = frozenset({*_SAME, *_ONCE, "Cooldown", "VPCZoneIdentifier", "AvailabilityZones", "Tags",
                          "MetricsCollection", "NotificationConfiguration", "NotificationConfigurations"})

    def _wanted(self, name: str, props: dict[str, Any], operation: str) -> dict[str, Any]:
        names = [k for k in props if k in _SAME or (k in _ONCE and operation.startswith("Create"))]
        wanted = {"AutoScalingGroupName": name, **{k: typed("autoscaling", operation, k, props[k]) for k in names}}
        if "Cooldown" in props:
            wanted["DefaultCooldown"] = number(props["Cooldown"])
        if "VPCZoneIdentifier" in props:
            wanted["VPCZoneIdentifier"] = ",".join(props["VPCZoneIdentifier"])
        return wanted

    def _tags(self, job: Job, name: str, props: dict[str, Any]) -> list[dict[str, Any]]:
        own = {t["Key"]: t for t in props.get("Tags", [])}
        return [{"ResourceId": name, "ResourceType": "auto-scaling-group", **t,
                 "PropagateAtLaunch": truth(own.get(t["Key"], {}).get("PropagateAtLaunch", True))}
                for t in job.tags(props.get("Tags"))]

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        name = props.get("AutoScalingGroupName") or job.name(255)
        job.call("autoscaling", "CreateAutoScalingGroup", {
            **self._wanted(name, props, "CreateAutoScalingGroup"), "Tags": self._tags(job, name, props)})
        self._extras(job, name, {}, props)
        yield job.wait("stack-resource")
        return Made(name, self._attributes(job, name))

    def _attributes(self, job: Job, name: str) -> dict[str, Any]:
        found = job.call("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [name]})
        return {"AutoScalingGroupARN": found["AutoScalingGroups"][0]["AutoScalingGroupARN"]}

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        job.call("autoscaling", "UpdateAutoScalingGroup", self._wanted(physical, new, "UpdateAutoScalingGroup"))
        for setting, what in _ATTACHED.items():
            before, after = _list(old, setting), _list(new, setting)
            for verb, rows in (("Attach", [x for x in after if x not in before]),
                               ("Detach", [x for x in before if x not in after])):
                if rows:
                    job.call("autoscaling", f"{verb}{what}", {"AutoScalingGroupName": physical, setting: rows})
        self._hooks(job, physical, old, new)
        self._extras(job, physical, old, new)
        gone = {t["Key"] for t in old.get("Tags", [])} - {t["Key"] for t in new.get("Tags", [])}
        if gone:
            job.call("autoscaling", "DeleteTags", {"Tags": [
                {"ResourceId": physical, "ResourceType": "auto-scaling-group", "Key": k} for k in gone]})
        job.call("autoscaling", "CreateOrUpdateTags", {"Tags": self._tags(job, physical, new)})
        yield job.wait("stack-resource")
        return Made(physical, self._attributes(job, physical))

    def _hooks(self, job: Job, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        wanted = {h["LifecycleHookName"]: h for h in new.get("LifecycleHookSpecificationList", [])}
        for hook in wanted.values():
            job.call("autoscaling", "PutLifecycleHook", {"AutoScalingGroupName": name, **{
                k: number(v) if k == "HeartbeatTimeout" else v for k, v in hook.items()}})
        for hook in old.get("LifecycleHookSpecificationList", []):
            if hook["LifecycleHookName"] not in wanted:
                job.call("autoscaling", "DeleteLifecycleHook", {"AutoScalingGroupName": name,
                                                                "LifecycleHookName": hook["LifecycleHookName"]})

    def _extras(self, job: Job, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Metrics and notifications have calls of their own."""
        for one in new.get("MetricsCollection", []):
            job.call("autoscaling", "EnableMetricsCollection", {
                "AutoScalingGroupName": name, "Granularity": one["Granularity"], **only(one, "Metrics")})
        if old.get("MetricsCollection") and not new.get("MetricsCollection"):
            job.call("autoscaling", "DisableMetricsCollection", {"AutoScalingGroupName": name})
        rows = [*_list(new, "NotificationConfigurations"), *_list(new, "NotificationConfiguration")]
        for one in rows:
            job.call("autoscaling", "PutNotificationConfiguration", {
                "AutoScalingGroupName": name, "TopicARN": _topic(one), "NotificationTypes": one["NotificationTypes"]})
        for one in [*_list(old, "NotificationConfigurations"), *_list(old, "NotificationConfiguration")]:
            if _topic(one) not in [_topic(r) for r in rows]:
                job.call("autoscaling", "DeleteNotificationConfiguration", {"AutoScalingGroupName": name,
                                                                            "TopicARN": _topic(one)})

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


def _topic(one: dict[str, Any]) -> str:
    topic = one["TopicARN"]
    return topic[0] if isinstance(topic, list) else topic


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
