"""AWS::EC2::SecurityGroup, SecurityGroupIngress, SecurityGroupEgress and LaunchTemplate."""

from __future__ import annotations

from typing import Any

from . import api_types as api
from .resources import Job, Kind, Made, Steps, kind, number, only

_ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def permission(rule: dict[str, Any], group: str) -> dict[str, Any]:
    """A rule's properties as an IpPermission. `group`: the member for the other group."""
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for key in ("FromPort", "ToPort"):
        if key in rule:
            found[key] = number(rule[key])
    said = only(rule, "Description")
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if "CidrIpv6" in rule:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **said}]
    if group in rule:
        found["UserIdGroupPairs"] = [{"GroupId": rule[group], **said}]
    return found


@kind("AWS::EC2::SecurityGroup")
class SecurityGroup(Kind):
    replaced_by = frozenset({"GroupName", "GroupDescription", "VpcId"})
    in_place = frozenset({"SecurityGroupIngress", "SecurityGroupEgress", "Tags"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        wanted = {"GroupName": props.get("GroupName") or job.name(255), "Description": props["GroupDescription"]}
        group = job.call("ec2", "CreateSecurityGroup", {**wanted, **only(props, "VpcId")})["GroupId"]
        yield job.wait("stack-resource")
        self._rules(job, group, {}, props)
        # In a separate call at the end, which has no ec2:CreateAction (cloudformation-coverage-roadmap#714;
        # aws-cdk#13204 has the order).
        tags = job.tags(props.get("Tags"))
        if tags:
            job.call("ec2", "CreateTags", {"Resources": [group], "Tags": tags})
        return Made(group, {"GroupId": group, "VpcId": props.get("VpcId", ""), "Id": group})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        self._rules(job, physical, old, new)
        job.call("ec2", "CreateTags", {"Resources": [physical], "Tags": job.tags(new.get("Tags"))})
        gone = {t["Key"] for t in old.get("Tags", [])} - {t["Key"] for t in new.get("Tags", [])}
        if gone:
            job.call("ec2", "DeleteTags", {"Resources": [physical], "Tags": [{"Key": k} for k in gone]})
        yield job.wait("stack-resource")
        return Made(physical, {"GroupId": physical, "VpcId": new.get("VpcId", ""), "Id": physical})

    def _rules(self, job: Job, group: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        for member, other, way in (("SecurityGroupIngress", "SourceSecurityGroupId", "Ingress"),
                                   ("SecurityGroupEgress", "DestinationSecurityGroupId", "Egress")):
            before = [permission(r, other) for r in old.get(member, [])]
            after = [permission(r, other) for r in new.get(member, [])]
            if way == "Egress":
                # A new group allows all outbound traffic until it has its own egress rules.
                before, after = before or [_ANYWHERE], after or [_ANYWHERE]
            gone = [p for p in before if p not in after]
            added = [p for p in after if p not in before]
            if gone:
                job.call("ec2", f"RevokeSecurityGroup{way}", {"GroupId": group, "IpPermissions": gone})
            if added:
                job.call("ec2", f"AuthorizeSecurityGroup{way}", {"GroupId": group, "IpPermissions": added})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        job.call("ec2", "DeleteSecurityGroup", {"GroupId": physical})
        yield job.wait("stack-resource")
        return None


class _Rule(Kind):
    """A rule. Its type accepts no tags, and the stack's are not applied (schema: tagging.taggable is false)."""

    way, other = "", ""

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        rules = job.call("ec2", f"AuthorizeSecurityGroup{self.way}", {
            "GroupId": props["GroupId"], "IpPermissions": [permission(props, self.other)]})
        yield job.wait("stack-resource")
        rule = rules["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Made(rule, {"Id": rule})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        # Only the description is updated in place; any other change replaces the rule.
        member = "IpRanges" if "CidrIp" in new else "UserIdGroupPairs"
        job.call("ec2", f"UpdateSecurityGroupRuleDescriptions{self.way}", {
            "GroupId": new["GroupId"], "IpPermissions": [{**permission(new, self.other), member: permission(
                new, self.other)[member]}]})
        yield job.wait("stack-resource")
        return Made(physical, {"Id": physical})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        job.call("ec2", f"RevokeSecurityGroup{self.way}", {
            "GroupId": props["GroupId"], "SecurityGroupRuleIds": [physical]})
        yield job.wait("stack-resource")
        return None


@kind("AWS::EC2::SecurityGroupIngress")
class Ingress(_Rule):
    way, other = "Ingress", "SourceSecurityGroupId"
    replaced_by = frozenset({"GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourceSecurityGroupId"})
    in_place = frozenset({"Description"})


@kind("AWS::EC2::SecurityGroupEgress")
class Egress(_Rule):
    way, other = "Egress", "DestinationSecurityGroupId"
    replaced_by = frozenset({"GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6",
                             "DestinationSecurityGroupId"})
    in_place = frozenset({"Description"})


def _data(props: dict[str, Any]) -> dict[str, Any]:
    """LaunchTemplateData has the API's names."""
    return api.typed("ec2", "CreateLaunchTemplate", "LaunchTemplateData", props["LaunchTemplateData"])


def _without_tags(props: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in props.items() if k != "TagSpecifications"}


@kind("AWS::EC2::LaunchTemplate")
class LaunchTemplate(Kind):
    replaced_by = frozenset({"LaunchTemplateName"})
    in_place = frozenset({"LaunchTemplateData", "TagSpecifications", "VersionDescription"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        tags = [t for s in props.get("TagSpecifications", []) for t in s.get("Tags", [])]
        made = job.call("ec2", "CreateLaunchTemplate", {
            "LaunchTemplateName": props.get("LaunchTemplateName") or job.name(128).replace("-", "_"),
            "LaunchTemplateData": _data(props), **only(props, "VersionDescription"),
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": job.tags(tags)}]})["LaunchTemplate"]
        yield job.wait("stack-resource")
        return self._made(made["LaunchTemplateId"], made)

    def _made(self, physical: str, row: dict[str, Any]) -> Made:
        return Made(physical, {"LaunchTemplateId": physical, "LatestVersionNumber": str(row["LatestVersionNumber"]),
                               "DefaultVersionNumber": str(row["DefaultVersionNumber"])})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        if _without_tags(old) != _without_tags(new):
            job.call("ec2", "CreateLaunchTemplateVersion", {
                "LaunchTemplateId": physical, "LaunchTemplateData": _data(new), **only(new, "VersionDescription")})
        yield job.wait("stack-resource")
        row = job.call("ec2", "DescribeLaunchTemplates", {"LaunchTemplateIds": [physical]})["LaunchTemplates"][0]
        return self._made(physical, row)

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        job.call("ec2", "DeleteLaunchTemplate", {"LaunchTemplateId": physical})
        yield job.wait("stack-resource")
        return None
