"""What Auto Scaling groups do by themselves, and the effects of other callers."""

from __future__ import annotations

import unittest
from typing import Any

from .support import Served


class Groups(Served):
    shape = {"old_nodes": "both", "vcpu_quota": 60}

    def setUp(self) -> None:
        self.name: str = self.ids["self_managed_asgs"][0]
        self.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=self.name, MinSize=0, MaxSize=9)
        self.call("autoscaling", "ResumeProcesses", AutoScalingGroupName=self.name)
        self.resize(3)

    def group(self) -> dict[str, Any]:
        found = self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[self.name])
        return found["AutoScalingGroups"][0]

    def members(self, zone: str | None = None) -> list[str]:
        return [i["InstanceId"] for i in self.group()["Instances"] if i["LifecycleState"] == "InService"
                and zone in (None, i["AvailabilityZone"])]

    def spread(self) -> list[int]:
        return [len(self.members(z)) for z in self.world.shape.azs]

    def resize(self, size: int) -> None:
        self.call("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=self.name, DesiredCapacity=size)
        self.until(lambda: len(self.members()) == len(self.group()["Instances"]) == size)

    def shrink(self, *instances: str) -> None:
        for instance in instances:
            self.call("autoscaling", "TerminateInstanceInAutoScalingGroup", InstanceId=instance,
                      ShouldDecrementDesiredCapacity=True)

    def activities(self, text: str, status: str = "Successful") -> list[dict[str, Any]]:
        rows = self.call("autoscaling", "DescribeScalingActivities", AutoScalingGroupName=self.name)["Activities"]
        return [r for r in rows if text in r["Cause"] + r.get("StatusMessage", "") and r["StatusCode"] == status]

    def test_an_unbalanced_group_is_rebalanced(self) -> None:
        self.resize(6)
        self.assertEqual(self.spread(), [2, 2, 2])
        self.shrink(*self.members("us-west-2a"))
        self.until(lambda: sorted(self.spread()) == [1, 1, 2] and len(self.group()["Instances"]) == 4)
        self.assertEqual(self.group()["DesiredCapacity"], 4)
        self.assertTrue(self.activities("to balance instances in zones"))

    def test_a_group_with_suspended_rebalancing_stays_unbalanced(self) -> None:
        self.resize(6)
        self.call("autoscaling", "SuspendProcesses", AutoScalingGroupName=self.name, ScalingProcesses=["AZRebalance"])
        self.shrink(*self.members("us-west-2a"))
        self.until(lambda: self.spread() == [0, 2, 2] and len(self.group()["Instances"]) == 4)
        self.assertFalse(self.world.home.groups[self.name].balance_pending)
        self.call("autoscaling", "ResumeProcesses", AutoScalingGroupName=self.name, ScalingProcesses=["AZRebalance"])
        self.until(lambda: sorted(self.spread()) == [1, 1, 2])

    def test_a_zone_without_capacity_is_skipped(self) -> None:
        self.resize(0)
        self.fault("autoscaling", "us-west-2a", "launch_failure")
        self.resize(1)
        self.assertEqual(self.spread(), [0, 1, 0])
        self.assertTrue(self.activities("sufficient m5.large capacity in the Availability Zone", "Failed"))

    def test_an_exceeded_vcpu_quota_is_a_failed_activity(self) -> None:
        self.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=self.name, MaxSize=40, DesiredCapacity=40)
        self.until(lambda: self.activities("VcpuLimitExceeded", "Failed"))
        rows = self.all("autoscaling", "DescribeAutoScalingInstances", "AutoScalingInstances")
        self.assertLessEqual(2 * len(rows), 60)

    def test_an_autoscaler_starts_a_node_during_a_run(self) -> None:
        self.fault("autoscaling", "DescribeAutoScalingGroups", "node_start", group=self.name)
        self.client("autoscaling").describe_auto_scaling_groups()
        self.until(lambda: len(self.members()) == 4)
        self.assertEqual(self.group()["DesiredCapacity"], 4)

    def test_an_instance_waits_for_a_terminate_hook_until_it_is_completed(self) -> None:
        self.call("autoscaling", "PutLifecycleHook", AutoScalingGroupName=self.name, LifecycleHookName="goodbye",
                  LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")
        self.addCleanup(self.call, "autoscaling", "DeleteLifecycleHook", AutoScalingGroupName=self.name,
                        LifecycleHookName="goodbye")
        instance = self.members()[0]
        self.shrink(instance)
        states = {i["InstanceId"]: i["LifecycleState"] for i in self.group()["Instances"]}
        self.assertEqual(states[instance], "Terminating:Wait")
        self.call("autoscaling", "CompleteLifecycleAction", AutoScalingGroupName=self.name, LifecycleHookName="goodbye",
                  InstanceId=instance, LifecycleActionResult="CONTINUE")
        self.until(lambda: instance not in [i["InstanceId"] for i in self.group()["Instances"]])
        self.assertEqual(len(self.members()), 2)

    def test_sizes_of_a_group_with_weights_are_units(self) -> None:
        template = self.group()["LaunchTemplate"]
        mixed = {"LaunchTemplate": {
            "LaunchTemplateSpecification": {k: template[k] for k in ("LaunchTemplateId", "Version")},
            "Overrides": [{"InstanceType": "m5.large", "WeightedCapacity": "4"}]}}
        self.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=self.name, MixedInstancesPolicy=mixed,
                  MinSize=4, DesiredCapacity=12, MaxSize=24)
        self.addCleanup(self.call, "autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=self.name,
                        LaunchTemplate={k: template[k] for k in ("LaunchTemplateId", "Version")}, MinSize=0,
                        DesiredCapacity=3, MaxSize=9)
        self.assertEqual({i["WeightedCapacity"] for i in self.group()["Instances"]}, {"4"})
        self.shrink(self.members()[0])
        self.assertEqual(self.group()["DesiredCapacity"], 8)
        self.until(lambda: len(self.group()["Instances"]) == 2)
        # A maximum below the current size terminates the surplus.
        self.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=self.name, MinSize=0, MaxSize=4)
        self.until(lambda: len(self.group()["Instances"]) == 1)

    def test_a_node_that_dies_during_a_run_is_replaced(self) -> None:
        before = set(self.members())
        self.fault("eks", "DescribeCluster", "node_end", group=self.name)
        self.client("eks").describe_cluster(name="sandbox")
        self.until(lambda: before - set(self.members()))
        self.until(lambda: len(self.members()) == 3)
        self.assertEqual(len(before & set(self.members())), 2)

    def test_a_managed_group_keeps_sizes_that_are_not_in_the_request(self) -> None:
        def nodegroup() -> dict[str, Any]:
            return self.call("eks", "DescribeNodegroup", clusterName="sandbox", nodegroupName="old-managed")["nodegroup"]

        request = {"clusterName": "sandbox", "nodegroupName": "old-managed", "scalingConfig": {"minSize": 0}}
        update = self.call("eks", "UpdateNodegroupConfig", **request)["update"]
        self.refused("ResourceInUseException", "eks", "UpdateNodegroupConfig", **request)
        name = nodegroup()["resources"]["autoScalingGroups"][0]["name"]
        self.call("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=2)
        self.until(lambda: self.call("eks", "DescribeUpdate", name="sandbox", nodegroupName="old-managed",
                                     updateId=update["id"])["update"]["status"] == "Successful")
        self.assertEqual(nodegroup()["scalingConfig"]["desiredSize"], 2)
        self.refused("InvalidParameterException", "eks", "UpdateNodegroupConfig", **{
            **request, "scalingConfig": {"minSize": 3, "desiredSize": 1}})


if __name__ == "__main__":
    unittest.main()
