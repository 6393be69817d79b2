"""Groups with a mixed instances policy, made by the API and by CloudFormation."""

from __future__ import annotations

import unittest
from typing import Any

from moto.ec2.models import ec2_backends
from sandbox_aws import amis, ec2_instances

from .support import Account

_TYPES = ("m5.large", "m5a.large", "m5.xlarge")


class Mixed(Account):
    shape = {"old_nodes": "none"}
    speed = 5.0

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with cls.world.lock:
            cls.template = cls.world.call("ec2", "CreateLaunchTemplate", {
                "LaunchTemplateName": "mixed", "LaunchTemplateData": {"ImageId": amis.images()[0].id, "TagSpecifications": [
                    {"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "volume"}]}]}})["LaunchTemplate"]

    def policy(self, overrides: list[dict[str, Any]], **distribution: Any) -> dict[str, Any]:
        return {"LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": self.template["LaunchTemplateId"], "Version": "$Latest"},
            "Overrides": overrides}, **({"InstancesDistribution": distribution} if distribution else {})}

    def request(self, name: str, desired: int, policy: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 40, "DesiredCapacity": desired,
                "VPCZoneIdentifier": next(iter(self.ids["private_subnets"].values())), "MixedInstancesPolicy": policy, **more}

    def group(self, name: str) -> dict[str, Any]:
        return self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

    def made(self, name: str, desired: int, policy: dict[str, Any], count: int, **more: Any) -> list[dict[str, Any]]:
        """The instances of a new group."""
        self.call("autoscaling", "CreateAutoScalingGroup", **self.request(name, desired, policy, **more))
        self.addCleanup(self.call, "autoscaling", "DeleteAutoScalingGroup", AutoScalingGroupName=name, ForceDelete=True)
        self.until(lambda: sum(i["LifecycleState"] == "InService" for i in self.group(name)["Instances"]) == count)
        ids = [i["InstanceId"] for i in self.group(name)["Instances"]]
        rows = self.call("ec2", "DescribeInstances", InstanceIds=ids)["Reservations"]
        return [i for r in rows for i in r["Instances"]]

    def test_capacity_is_on_demand_up_to_the_base_and_then_by_percentage(self) -> None:
        found = self.made("shares", 8, self.policy([{"InstanceType": t} for t in _TYPES], OnDemandBaseCapacity=2,
                                                   OnDemandPercentageAboveBaseCapacity=50), 8)
        lifecycles = [i.get("InstanceLifecycle", "on-demand") for i in found]
        self.assertEqual((lifecycles.count("on-demand"), lifecycles.count("spot")), (5, 3))
        self.assertEqual({i["InstanceType"] for i in found if "InstanceLifecycle" not in i}, {"m5.large"})
        volume = self.call("ec2", "DescribeVolumes", Filters=[
            {"Name": "attachment.instance-id", "Values": [found[0]["InstanceId"]]}])["Volumes"][0]
        self.assertEqual(volume["Tags"], [{"Key": "of", "Value": "volume"}])

    def test_spot_capacity_is_spread_over_the_types(self) -> None:
        found = self.made("spread", 3, self.policy([{"InstanceType": t} for t in _TYPES], OnDemandBaseCapacity=0,
                                                   OnDemandPercentageAboveBaseCapacity=0,
                                                   SpotAllocationStrategy="price-capacity-optimized"), 3)
        self.assertEqual({i["InstanceType"] for i in found}, set(_TYPES))
        self.assertEqual({i["InstanceLifecycle"] for i in found}, {"spot"})
        self.assertTrue(all(i["SpotInstanceRequestId"].startswith("sir-") for i in found))

    def test_weights_count_and_defaults_are_shown(self) -> None:
        weighted = [{"InstanceType": "m5.xlarge", "WeightedCapacity": "4"}, {"InstanceType": "m5.large",
                                                                             "WeightedCapacity": "2"}]
        found = self.made("weights", 7, self.policy(weighted), 2, CapacityRebalance=True, DefaultInstanceWarmup=30,
                          InstanceMaintenancePolicy={"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120})
        self.assertEqual([i["InstanceType"] for i in found], ["m5.xlarge"] * 2)
        group = self.group("weights")
        self.assertEqual({i["WeightedCapacity"] for i in group["Instances"]}, {"4"})
        self.assertEqual(group["MixedInstancesPolicy"]["InstancesDistribution"], {
            "OnDemandAllocationStrategy": "prioritized", "OnDemandBaseCapacity": 0,
            "OnDemandPercentageAboveBaseCapacity": 100, "SpotAllocationStrategy": "lowest-price", "SpotInstancePools": 2})
        self.assertNotIn("LaunchTemplate", group)
        self.assertEqual((group["DefaultInstanceWarmup"], group["InstanceMaintenancePolicy"]["MaxHealthyPercentage"]),
                         (30, 120))

    def test_a_type_that_the_zone_lacks_is_skipped(self) -> None:
        offered = ec2_instances.offered("us-west-2")
        known = ec2_backends["123456789012"]["us-west-2"].instance_types
        lacking = next(t["InstanceType"] for t in known if "x86_64" in t["ProcessorInfo"]["SupportedArchitectures"]
                       and t["InstanceType"] not in offered["us-west-2a"]
                       and t["InstanceType"] in offered["us-west-2b"])
        found = self.made("skips", 1, self.policy([{"InstanceType": lacking}, {"InstanceType": "m5.large"}]), 1)
        self.assertEqual(found[0]["InstanceType"], "m5.large")

    def test_an_override_has_a_launch_template_of_its_own(self) -> None:
        arm = next(i.id for i in amis.images() if i.architecture == "arm64")
        self.call("ec2", "CreateLaunchTemplate", LaunchTemplateName="arm", LaunchTemplateData={"ImageId": arm})
        own = {"InstanceType": "m6g.large", "LaunchTemplateSpecification": {"LaunchTemplateName": "arm", "Version": "1"}}
        found = self.made("architectures", 1, self.policy([own, {"InstanceType": "m5.large"}]), 1)
        self.assertEqual((found[0]["Architecture"], found[0]["ImageId"]), ("arm64", arm))

    def test_types_are_found_by_their_attributes(self) -> None:
        found = self.made("attributes", 1, self.policy([{"InstanceRequirements": {
            "VCpuCount": {"Min": 4, "Max": 4}, "MemoryMiB": {"Min": 16384, "Max": 16384}, "CpuManufacturers": ["intel"],
            "AcceleratorCount": {"Max": 0}, "AllowedInstanceTypes": ["m5.*", "m5d.*"],
            "ExcludedInstanceTypes": ["m5d*"]}}]), 1)
        self.assertEqual(found[0]["InstanceType"], "m5.xlarge")

    def test_a_policy_that_auto_scaling_refuses(self) -> None:
        def refused(policy: dict[str, Any]) -> str:
            return self.refused("ValidationError", "autoscaling", "CreateAutoScalingGroup", **self.request("no", 0, policy))

        partly = [{"InstanceType": "m5.large", "WeightedCapacity": "1"}, {"InstanceType": "m5.xlarge"}]
        self.assertIn("WeightedCapacity", refused(self.policy(partly)))
        self.assertIn("unique", refused(self.policy([{"InstanceType": "m5.large"}] * 2)))
        self.assertIn("SpotInstancePools", refused(self.policy([{"InstanceType": "m5.large"}], SpotInstancePools=3,
                                                               SpotAllocationStrategy="capacity-optimized")))
        self.assertIn("architecture", refused(self.policy([{"InstanceType": "m6g.large"}])))
        with self.world.lock:
            self.world.call("ec2", "CreateLaunchTemplate", {"LaunchTemplateName": "spot", "LaunchTemplateData": {
                "ImageId": amis.images()[0].id, "InstanceMarketOptions": {"MarketType": "spot"}}})
        self.assertIn("Incompatible launch template", refused(
            {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "spot"}}}))

    def test_cloudformation_makes_changes_and_deletes_one(self) -> None:
        from sandbox_aws.cfn import engine
        from sandbox_aws.world import Context

        body = """
Parameters: { Image: { Type: String }, Subnet: { Type: String }, Size: { Type: Number } }
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      VersionDescription: first
      LaunchTemplateData:
        ImageId: !Ref Image
        EnclaveOptions: { Enabled: "true" }
        CreditSpecification: { CpuCredits: standard }
        BlockDeviceMappings: [{ DeviceName: /dev/xvda, Ebs: { VolumeSize: "33", Encrypted: "true" } }]
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      MaxSize: "8"
      DesiredCapacity: !Ref Size
      VPCZoneIdentifier: [!Ref Subnet]
      MaxInstanceLifetime: "86400"
      InstanceMaintenancePolicy: { MinHealthyPercentage: "100", MaxHealthyPercentage: "110" }
      MetricsCollection: [{ Granularity: 1Minute, Metrics: [GroupMinSize] }]
      LifecycleHookSpecificationList:
        - { LifecycleHookName: bye, LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING", HeartbeatTimeout: "60" }
      MixedInstancesPolicy:
        InstancesDistribution: { OnDemandPercentageAboveBaseCapacity: "0", SpotAllocationStrategy: capacity-optimized }
        LaunchTemplate:
          LaunchTemplateSpecification:
            LaunchTemplateId: !Ref Template
            Version: !GetAtt Template.LatestVersionNumber
          Overrides: [{ InstanceType: m5.large, WeightedCapacity: "2" }]
"""
        values = {"Image": amis.images()[0].id, "Subnet": next(iter(self.ids["private_subnets"].values())), "Size": "4"}
        with self.world.lock:
            stack = engine.create_now(Context(self.world, "cloudformation", "", "us-west-2"), "mixed", body, values)
        name = stack.physical_id("Group")
        self.until(lambda: [i["WeightedCapacity"] for i in self.group(name)["Instances"]] == ["2", "2"])
        group = self.group(name)
        self.assertEqual((group["MaxInstanceLifetime"], group["EnabledMetrics"][0]["Metric"]), (86400, "GroupMinSize"))
        self.assertEqual(group["MixedInstancesPolicy"]["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"], 0)
        hooks = self.call("autoscaling", "DescribeLifecycleHooks", AutoScalingGroupName=name)["LifecycleHooks"]
        self.assertEqual([(h["LifecycleHookName"], h["HeartbeatTimeout"]) for h in hooks], [("bye", 60)])
        data = self.call("ec2", "DescribeLaunchTemplateVersions", LaunchTemplateId=stack.physical_id("Template"))[
            "LaunchTemplateVersions"][0]["LaunchTemplateData"]
        self.assertEqual(data["BlockDeviceMappings"][0]["Ebs"], {"VolumeSize": 33, "Encrypted": True})
        rows = [{"ParameterKey": k, "ParameterValue": v} for k, v in {**values, "Size": "2"}.items()]
        self.call("cloudformation", "UpdateStack", StackName="mixed", UsePreviousTemplate=True, Parameters=rows)
        self.until(lambda: self.group(name)["DesiredCapacity"] == 2 and len(self.group(name)["Instances"]) == 1)
        self.until(lambda: stack.status == "UPDATE_COMPLETE")
        self.call("cloudformation", "DeleteStack", StackName="mixed")
        self.until(lambda: stack.status == "DELETE_COMPLETE")

    def test_a_launch_configuration_starts_instances(self) -> None:
        self.call("autoscaling", "CreateLaunchConfiguration", LaunchConfigurationName="old", ImageId=amis.images()[0].id,
                  InstanceType="m5.large", SecurityGroups=[self.ids["cluster_security_group"]], SpotPrice="0.1",
                  IamInstanceProfile="sandbox-old-nodes", UserData="aGVsbG8=",
                  BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 77}}])
        request = self.request("configured", 1, {})
        del request["MixedInstancesPolicy"]
        self.call("autoscaling", "CreateAutoScalingGroup", **request, LaunchConfigurationName="old")
        self.until(lambda: [i["LifecycleState"] for i in self.group("configured")["Instances"]] == ["InService"])
        group = self.group("configured")
        member = group["Instances"][0]
        self.assertEqual((group["LaunchConfigurationName"], member["LaunchConfigurationName"]), ("old", "old"))
        self.assertNotIn("LaunchTemplate", member)
        shown = self.call("ec2", "DescribeInstances", InstanceIds=[member["InstanceId"]])["Reservations"][0]["Instances"][0]
        self.assertEqual((shown["InstanceLifecycle"], shown["Monitoring"]["State"]), ("spot", "enabled"))
        described = self.call("autoscaling", "DescribeLaunchConfigurations")["LaunchConfigurations"][0]
        self.assertEqual((described["UserData"], described["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]), ("aGVsbG8=", 77))
        self.refused("ResourceInUse", "autoscaling", "DeleteLaunchConfiguration", LaunchConfigurationName="old")
        self.call("autoscaling", "DeleteAutoScalingGroup", AutoScalingGroupName="configured", ForceDelete=True)

    def test_cloudformation_refuses_an_unknown_property(self) -> None:
        from sandbox_aws.cfn import resources_ec2

        self.assertRaises(Exception, resources_ec2._data, {"LaunchTemplateData": {"Imageid": "ami-1"}})


if __name__ == "__main__":
    unittest.main()
