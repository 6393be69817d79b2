"""A VPC that another account shares with this one."""

from __future__ import annotations

import unittest

from .support import Served

OTHER = "210987654321"


class SharedVpc(Served):
    def test_a_participant_can_use_shared_resources_but_not_change_them(self) -> None:
        ec2, vpc = self.client("ec2"), self.ids["vpc_id"]
        subnet = next(iter(self.ids["private_subnets"].values()))
        owner = lambda: ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["OwnerId"]  # noqa: E731
        self.assertEqual(owner(), self.ids["account"])
        with self.world.lock:
            self.world.vpc_owner = OTHER
        self.assertEqual(owner(), OTHER)
        self.assertEqual(ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["OwnerId"], OTHER)
        self.denied("UnauthorizedOperation", ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="100.64.0.0/16")
        self.denied("UnauthorizedOperation", ec2.create_subnet, VpcId=vpc, CidrBlock="192.168.96.0/24")
        ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)
        ec2.create_network_interface(SubnetId=subnet)


if __name__ == "__main__":
    unittest.main()
