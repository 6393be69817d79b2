"""Network ACLs: their last entry, and the required parameters of an entry."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

# "The protocol number" (CreateNetworkAclEntry); the AWS CLI's examples use names, and EC2 answers numbers.
_NUMBERS = {"all": "-1", "icmp": "1", "tcp": "6", "udp": "17"}
_LAST = 32767


@implements("ec2", "CreateNetworkAcl")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """"Each network ACL also includes a rule whose rule number is an asterisk", shown as 32767."""
    answer = context.moto(params=params)
    acl_id = answer["NetworkAcl"]["NetworkAclId"]
    for egress in (True, False):
        ec2(context).create_network_acl_entry(
            network_acl_id=acl_id, rule_number=_LAST, protocol="-1", rule_action="deny", egress=egress,
            cidr_block="0.0.0.0/0", icmp_code=None, icmp_type=None, port_range_from=None, port_range_to=None,
            ipv6_cidr_block=None)
    return {"NetworkAcl": context.moto("DescribeNetworkAcls", {"NetworkAclIds": [acl_id]})["NetworkAcls"][0]}


@implements("ec2", "CreateNetworkAclEntry", "ReplaceNetworkAclEntry")
def entry(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if not 1 <= params["RuleNumber"] < _LAST:
        raise AwsError("InvalidParameterValue", f"Value ({params['RuleNumber']}) for parameter ruleNumber is invalid. "
                                                "Valid values are 1 to 32766.")
    protocol = _NUMBERS.get(str(params["Protocol"]).lower(), str(params["Protocol"]))
    if protocol in ("6", "17") and not params.get("PortRange"):
        raise AwsError("MissingParameter", "The request must contain the parameter portRange")
    if protocol == "-1":
        params = {k: v for k, v in params.items() if k != "PortRange"}
    if params.get("CidrBlock"):
        params = {**params, "CidrBlock": str(IPv4Network(params["CidrBlock"], strict=False))}
    return context.moto(params={**params, "Protocol": protocol})


@implements("ec2", "DeleteNetworkAclEntry")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    acl = ec2(context).get_network_acl(params["NetworkAclId"])
    there = [e for e in acl.network_acl_entries if (e.egress, e.rule_number) == (params["Egress"], params["RuleNumber"])]
    if not there or params["RuleNumber"] == _LAST:
        raise AwsError("InvalidNetworkAclEntry.NotFound",
                       f"The network acl entry identified by {params['RuleNumber']} does not exist.")
    return context.moto(params=params)
