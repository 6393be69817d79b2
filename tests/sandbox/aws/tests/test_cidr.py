"""AWS's rules for VPC CIDR blocks."""

from __future__ import annotations

import unittest
from ipaddress import IPv4Network as N

from sandbox_aws.ec2_cidr import refusal


def refused(new: str, primary: str, present: tuple[str, ...] = (), routes: tuple[str, ...] = (),
            peers: tuple[str, ...] = ()) -> bool:
    blocks = [N(primary), *map(N, present)]
    return refusal(N(new), N(primary), blocks, list(map(N, routes)), list(map(N, peers))) is not None


class Restrictions(unittest.TestCase):
    def test_table_of_the_user_guide(self) -> None:
        no = {
            "10.5.0.0/16": ["172.16.0.0/16", "192.168.0.0/16", "198.19.0.0/16"],
            "172.20.0.0/16": ["10.0.0.0/16", "192.168.4.0/24", "172.31.0.0/16", "198.19.0.0/24"],
            "192.168.0.0/20": ["10.0.0.0/16", "172.16.0.0/16", "198.19.0.0/16"],
            "198.19.0.0/20": ["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16"],
            "100.64.0.0/16": ["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16", "198.19.0.0/16"],
            "54.10.0.0/16": ["10.0.0.0/16", "198.19.0.0/16"],
            "10.1.0.0/16": ["10.0.0.0/16", "10.0.7.0/24"],
        }
        yes = {
            "10.5.0.0/16": ["10.6.0.0/16", "100.64.0.0/16", "54.10.0.0/16", "10.0.0.0/16"],
            "172.20.0.0/16": ["172.16.0.0/16", "100.64.0.0/16"],
            "192.168.0.0/20": ["192.168.128.0/20", "100.96.0.0/16"],
            "198.19.0.0/20": ["100.64.0.0/16", "198.19.32.0/20"],
            "100.64.0.0/16": ["100.65.0.0/16", "54.10.0.0/16"],
            "10.1.0.0/16": ["10.2.0.0/16"],
        }
        for primary, blocks in no.items():
            for block in blocks:
                self.assertTrue(refused(block, primary), f"{block} in {primary}")
        for primary, blocks in yes.items():
            for block in blocks:
                self.assertFalse(refused(block, primary), f"{block} in {primary}")

    def test_sizes(self) -> None:
        self.assertTrue(refused("100.64.0.0/15", "10.5.0.0/16"))
        self.assertTrue(refused("100.64.0.0/29", "10.5.0.0/16"))
        self.assertFalse(refused("100.64.0.0/28", "10.5.0.0/16"))

    def test_overlap_with_the_vpc_and_its_peers(self) -> None:
        self.assertTrue(refused("100.64.0.0/16", "10.5.0.0/16", present=("100.64.128.0/20",)))
        self.assertTrue(refused("100.64.0.0/16", "10.5.0.0/16", peers=("100.64.128.0/20",)))

    def test_a_block_must_be_smaller_than_a_route(self) -> None:
        self.assertTrue(refused("100.64.0.0/16", "10.5.0.0/16", routes=("100.64.0.0/16",)))
        self.assertTrue(refused("100.64.0.0/16", "10.5.0.0/16", routes=("100.64.7.0/24",)))
        self.assertFalse(refused("100.64.0.0/17", "10.5.0.0/16", routes=("100.64.0.0/16", "0.0.0.0/0")))


if __name__ == "__main__":
    unittest.main()
