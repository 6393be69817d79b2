"""The shapes with unlike node groups."""

from __future__ import annotations

import base64
import unittest
from typing import Any

from sandbox_aws import private_api

from .support import Account


class _Pools(Account):
    def instances(self, pool: str) -> list[dict[str, Any]]:
        """Its running instances, as the node agent sees them."""
        asg = next(p["asg"] for p in self.ids["pools"] if p["name"].startswith(pool))

        def settled() -> list[dict[str, Any]] | None:
            group = self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[asg])[
                "AutoScalingGroups"][0]
            done = all(i["LifecycleState"] == "InService" for i in group["Instances"])
            return [group] if done and bool(group["Instances"]) == bool(group["DesiredCapacity"]) else None

        self.until(settled)
        with self.world.lock:
            return [i for i in private_api.instances(self.world) if i["asg"] == asg]

    def shown(self, pool: str) -> dict[str, Any]:
        found = self.call("ec2", "DescribeInstances", InstanceIds=[self.instances(pool)[0]["instance_id"]])
        return found["Reservations"][0]["Instances"][0]


class Mixed(_Pools):
    shape = {"pools": "mixed"}
    speed = 5.0

    def test_architectures_and_images(self) -> None:
        self.assertEqual([(i["architecture"], i["instance_type"]) for i in self.instances("sandbox-arm")],
                         [("arm64", "m6g.large")])
        self.assertEqual([i["labels"]["eks.amazonaws.com/nodegroup"] for i in self.instances("general")], ["general"] * 2)

    def test_spot_instances_have_weights(self) -> None:
        self.assertEqual(self.shown("sandbox-spot")["InstanceLifecycle"], "spot")
        group = next(g for n, g in self.world.home.groups.items() if "-spot-" in n)
        self.assertEqual((group.desired, [m.weight for m in group.members]), (2, [2]))

    def test_the_payments_group_has_all_that_a_replacement_must_have(self) -> None:
        shown = self.shown("sandbox-payments")
        self.assertEqual(len(shown["SecurityGroups"]), 2)
        self.assertEqual({t["Key"]: t["Value"] for t in shown["Tags"]}["cost-center"], "4711")
        volumes = self.call("ec2", "DescribeVolumes", Filters=[
            {"Name": "attachment.instance-id", "Values": [shown["InstanceId"]]}])["Volumes"]
        self.assertEqual({v["Size"]: v["KmsKeyId"].split("/")[-1][:8] for v in volumes}, {40: "6f1c1b52", 100: "6f1c1b52"})
        self.assertIn("http-proxy.conf", self.instances("sandbox-payments")[0]["user_data"])

    def test_a_role_has_a_policy_of_its_own(self) -> None:
        role = self.instances("reports")[0]["role_arn"].split("/")[-1]
        self.assertEqual(self.call("iam", "ListRolePolicies", RoleName=role)["PolicyNames"], ["reports-bucket"])

    def test_gpu_nodes_start_on_demand(self) -> None:
        self.assertEqual(self.instances("sandbox-gpu"), [])
        self.call("autoscaling", "SetDesiredCapacity", AutoScalingGroupName="sandbox-gpu", DesiredCapacity=1)
        self.assertEqual([i["gpus"] for i in self.instances("sandbox-gpu")], [1])
        tags = {t["Key"]: t["Value"] for t in self.call("autoscaling", "DescribeTags", Filters=[
            {"Name": "auto-scaling-group", "Values": ["sandbox-gpu"]}], MaxRecords=100)["Tags"]}
        self.assertEqual(tags["k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"], "1")


class Managed(_Pools):
    shape = {"pools": "managed"}
    speed = 5.0

    def test_each_kind(self) -> None:
        kinds = {p["name"]: self.call("eks", "DescribeNodegroup", clusterName="sandbox", nodegroupName=p["name"])[
            "nodegroup"] for p in self.ids["pools"]}
        self.assertEqual({n: k["amiType"] for n, k in kinds.items()}, {
            "plain": "AL2023_x86_64_STANDARD", "templated": "AL2023_x86_64_STANDARD", "own-image": "CUSTOM",
            "bottlerocket": "BOTTLEROCKET_x86_64"})
        self.assertEqual({k["status"] for k in kinds.values()}, {"ACTIVE"})
        owners = self.call("ec2", "DescribeImages", ImageIds=[kinds["own-image"]["releaseVersion"]])["Images"]
        self.assertEqual(owners[0]["OwnerId"], "123456789012")

    def test_only_an_own_image_gets_its_taints_late(self) -> None:
        late = {pool: self.instances(pool)[0]["late_taints"] for pool in ("templated", "own-image")}
        self.assertEqual((late["templated"], len(late["own-image"])), ([], 1))

    def test_gzip_is_read_as_on_a_machine(self) -> None:
        import gzip

        text = base64.b64encode(gzip.compress(b"#!/bin/sh\n"))
        self.assertEqual(private_api._user_data(text), "#!/bin/sh\n")


if __name__ == "__main__":
    unittest.main()
