"""Network ACLs, and routes whose target no longer exists."""

from __future__ import annotations

from typing import Any

from . import support


class Acls(support.Account):
    shape = {"old_nodes": "none", "azs": ["us-west-2a"]}

    def acls(self, *filters: dict[str, Any]) -> list[dict[str, Any]]:
        here = {"Name": "vpc-id", "Values": [self.ids["vpc_id"]]}
        return self.call("ec2", "DescribeNetworkAcls", Filters=[here, *filters])["NetworkAcls"]

    def test_every_subnet_starts_with_the_open_default_acl(self) -> None:
        (default,) = self.acls({"Name": "default", "Values": ["true"]})
        subnets = {a["SubnetId"] for a in default["Associations"]}
        self.assertLessEqual({*self.ids["private_subnets"].values(), *self.ids["public_subnets"].values()}, subnets)
        entries = {(e["Egress"], e["RuleNumber"], e["Protocol"], e["RuleAction"]) for e in default["Entries"]}
        self.assertEqual(entries, {(way, *rest) for way in (True, False)
                                   for rest in ((100, "-1", "allow"), (32767, "-1", "deny"))})

    def test_a_custom_acl_denies_everything_and_accepts_protocol_names(self) -> None:
        acl = self.call("ec2", "CreateNetworkAcl", VpcId=self.ids["vpc_id"])["NetworkAcl"]
        self.assertEqual({e["RuleNumber"] for e in acl["Entries"]}, {32767})
        rule: dict[str, Any] = {"NetworkAclId": acl["NetworkAclId"], "Egress": False, "RuleAction": "allow",
                                "CidrBlock": "10.0.0.0/8"}
        self.refused("MissingParameter", "ec2", "CreateNetworkAclEntry", **rule, RuleNumber=1, Protocol="tcp")
        self.refused("InvalidParameterValue", "ec2", "CreateNetworkAclEntry", **rule, RuleNumber=32767, Protocol="-1")
        ports = {"PortRange": {"From": 443, "To": 443}}
        self.call("ec2", "CreateNetworkAclEntry", **rule, RuleNumber=1, Protocol="tcp", **ports)
        self.refused("NetworkAclEntryAlreadyExists", "ec2", "CreateNetworkAclEntry", **rule, RuleNumber=1, Protocol="-1")
        (found,) = self.acls({"Name": "network-acl-id", "Values": [acl["NetworkAclId"]]})
        made = next(e for e in found["Entries"] if e["RuleNumber"] == 1)
        self.assertEqual((made["Protocol"], made["PortRange"]), ("6", {"From": 443, "To": 443}))
        gone = {"NetworkAclId": acl["NetworkAclId"], "Egress": False, "RuleNumber": 1}
        self.call("ec2", "DeleteNetworkAclEntry", **gone)
        self.refused("InvalidNetworkAclEntry.NotFound", "ec2", "DeleteNetworkAclEntry", **gone)

    def test_a_route_to_a_deleted_nat_gateway_is_a_blackhole(self) -> None:
        def states() -> set[str]:
            table = self.ids["private_route_tables"]["us-west-2a"]
            (found,) = self.call("ec2", "DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
            return {r["State"] for r in found["Routes"] if r.get("NatGatewayId")}

        self.assertEqual(states(), {"active"})
        self.call("ec2", "DeleteNatGateway", NatGatewayId=self.ids["nat_gateways"]["us-west-2a"])
        self.assertEqual(states(), {"blackhole"})
