"""Security groups and their rules: names, duplicates, quotas and what prevents a deletion."""

from __future__ import annotations

import re
from typing import Any

from . import quotas
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

# "Valid descriptions are strings less than 256 characters from the following set" (CreateSecurityGroup, IpRange).
_SET = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
_TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def _check_text(what: str, text: str) -> None:
    if not _TEXT.fullmatch(text):
        raise AwsError("InvalidParameterValue", f"Invalid {what}. Valid {what.split()[-1]}s are strings less than 256 "
                                                f"characters from the following set: {_SET}")


@implements("ec2", "CreateSecurityGroup")
def create_security_group(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params["GroupName"].startswith("sg-"):
        raise AwsError("InvalidParameterValue",
                       f"Value ({params['GroupName']}) for parameter GroupName is invalid. Group names may not be in the "
                       "format sg-*.")
    _check_text("security group name", params["GroupName"])
    _check_text("security group description", params["Description"])
    return context.moto(params=params)


def check_count(context: Context, groups: list[str]) -> None:
    if len(groups) > quotas.value(context, "vpc", quotas.GROUPS_PER_INTERFACE):
        raise AwsError("SecurityGroupsPerInterfaceLimitExceeded",
                       "The maximum number of security groups per interface has been reached.")


@implements("ec2", "DeleteSecurityGroup")
def delete_security_group(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    store = ec2(context)
    group_id = params.get("GroupId")
    used = any(group_id in [g.id for g in e._group_set] for e in store.enis.values())
    named = any(rule.source_group.get("GroupId") == group_id for groups in store.groups.values() for group in groups.values()
                if group.id != group_id for rule in [*group.ingress_rules, *group.egress_rules])
    found = store.get_security_group_from_id(group_id) if group_id else None
    if found is not None and found.name == "default":
        raise AwsError("CannotDelete", f"the specified group: \"{group_id}\" name: \"default\" cannot be deleted by a "
                                       "user")
    if group_id and (used or named):
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")
    return context.moto(params=params)


def _targets(permission: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The identity of a rule; the description is not part of it."""
    protocol = str(permission.get("IpProtocol"))
    ports = (None, None) if protocol == "-1" else (permission.get("FromPort"), permission.get("ToPort"))
    named = [r.get("CidrIp") for r in permission.get("IpRanges", [])]
    named += [r.get("CidrIpv6") for r in permission.get("Ipv6Ranges", [])]
    named += [r.get("GroupId") for r in permission.get("UserIdGroupPairs", [])]
    return [(protocol, *ports, n) for n in named]


@implements("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
def authorize(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = ec2(context).get_security_group_from_id(params.get("GroupId", ""))
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{params.get('GroupId')}' does not exist")
    rules = group.ingress_rules if context.operation.endswith("Ingress") else group.egress_rules
    present = {(r.ip_protocol, r.from_port, r.to_port, r.cidr_ipv4 or r.cidr_ipv6 or r.source_group.get("GroupId"))
               for r in rules}
    wanted = [t for p in params.get("IpPermissions", []) for t in _targets(p)]
    if len(rules) + len(wanted) > quotas.value(context, "vpc", quotas.RULES_PER_GROUP):
        raise AwsError("RulesPerSecurityGroupLimitExceeded",
                       "The maximum number of rules per security group has been reached.")
    for permission in params.get("IpPermissions", []):
        for row in (r for key in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs") for r in permission.get(key, [])):
            _check_text("rule description", row.get("Description", ""))
        for pair in permission.get("UserIdGroupPairs", []):
            if pair.get("GroupId") and ec2(context).get_security_group_from_id(pair["GroupId"]) is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{pair['GroupId']}' does not exist")
        for target in _targets(permission):
            if target in present:
                said = f"peer: {target[3]}, {target[0].upper()}, from port: {target[1]}, to port: {target[2]}, ALLOW"
                raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{said}" already exists')
    return context.moto(params=params)
