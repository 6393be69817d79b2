"""EC2 Fleet of type instant, as Karpenter uses it, and what a cluster with Karpenter has in AWS."""

from __future__ import annotations

import unittest
from typing import Any
from xml.etree import ElementTree

from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from sandbox_aws import amis, private_api, wire_ec2

from .support import Account, Served


def _tags(instance: dict[str, Any]) -> dict[str, str]:
    return {t["Key"]: t["Value"] for t in instance["Tags"]}


class Fleets(Account):
    shape = {"old_nodes": "self-managed", "azs": ["us-west-2a", "us-west-2b"]}

    def template(self, name: str, **more: Any) -> str:
        image = next(i for i in amis.images() if i.family == "al2023" and i.architecture == "x86_64")
        data = {"ImageId": image.id, "UserData": "aGVsbG8=", "IamInstanceProfile": {"Name": "sandbox-old-nodes"},
                "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [self.ids["cluster_security_group"]]}],
                "TagSpecifications": [{"ResourceType": "network-interface", "Tags": [{"Key": "of", "Value": "template"}]}],
                **more}
        self.call("ec2", "CreateLaunchTemplate", LaunchTemplateName=name, LaunchTemplateData=data)
        self.addCleanup(self.call, "ec2", "DeleteLaunchTemplate", LaunchTemplateName=name)
        return name

    def fleet(self, template: str, types: list[str], lifecycle: str = "on-demand", count: int = 1,
              **more: Any) -> dict[str, Any]:
        overrides = [{"InstanceType": t, "SubnetId": s, "AvailabilityZone": z} for t in types
                     for z, s in self.ids["private_subnets"].items()]
        tags = [{"Key": "karpenter.sh/nodepool", "Value": "general"}]
        return self.call(
            "ec2", "CreateFleet", Type="instant", LaunchTemplateConfigs=[{
                "LaunchTemplateSpecification": {"LaunchTemplateName": template, "Version": "$Latest"}, "Overrides": overrides}],
            TargetCapacitySpecification={"TotalTargetCapacity": count, "DefaultTargetCapacityType": lifecycle},
            TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume", "fleet")], **more)

    def shown(self, fleet: dict[str, Any]) -> dict[str, Any]:
        ids = [i for row in fleet["Instances"] for i in row["InstanceIds"]]
        self.addCleanup(self.call, "ec2", "TerminateInstances", InstanceIds=ids)
        # Karpenter's batches may name an instance twice.
        return self.call("ec2", "DescribeInstances", InstanceIds=[*ids, ids[0]])["Reservations"][0]["Instances"][0]

    def test_instances_are_those_of_the_launch_template(self) -> None:
        made = self.fleet(self.template("whole"), ["m5.large"])
        self.assertEqual(made["Errors"], [])
        row = made["Instances"][0]
        self.assertEqual((row["Lifecycle"], row["InstanceType"]), ("on-demand", "m5.large"))
        instance = self.shown(made)
        used = row["LaunchTemplateAndOverrides"]
        self.assertEqual((used["Overrides"]["SubnetId"], used["Overrides"]["AvailabilityZone"]),
                         (instance["SubnetId"], instance["Placement"]["AvailabilityZone"]))
        self.assertEqual([g["GroupId"] for g in instance["SecurityGroups"]], [self.ids["cluster_security_group"]])
        self.assertTrue(instance["IamInstanceProfile"]["Arn"].endswith("/sandbox-old-nodes"))
        tags = _tags(instance)
        self.assertEqual((tags["karpenter.sh/nodepool"], tags["aws:ec2:fleet-id"]), ("general", made["FleetId"]))
        self.assertEqual(tags["aws:ec2launchtemplate:id"], used["LaunchTemplateSpecification"]["LaunchTemplateId"])
        interface = self.call("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[
            instance["NetworkInterfaces"][0]["NetworkInterfaceId"]])["NetworkInterfaces"][0]
        self.assertEqual(_tags(interface), {"of": "template"})
        with self.world.lock:
            node = next(i for i in private_api.instances(self.world) if i["instance_id"] == instance["InstanceId"])
        self.assertEqual((node["user_data"], node["asg"], node["memory_mib"]), ("hello", None, 8192))

    def test_the_cheapest_pool_is_first_and_one_without_capacity_is_reported(self) -> None:
        template = self.template("cheapest")
        self.fault("ec2", "c5.large", "launch_failure")
        made = self.fleet(template, ["m5.large", "c5.large", "m5a.large"], count=2)
        self.assertEqual([e["ErrorCode"] for e in made["Errors"]], ["InsufficientInstanceCapacity"])
        self.assertEqual(made["Errors"][0]["LaunchTemplateAndOverrides"]["Overrides"]["InstanceType"], "c5.large")
        self.assertEqual([(r["InstanceType"], len(r["InstanceIds"])) for r in made["Instances"]], [("c5.large", 2)])
        self.shown(made)

    def test_priorities_decide_if_the_strategy_says_so(self) -> None:
        made = self.call(
            "ec2", "CreateFleet", Type="instant", LaunchTemplateConfigs=[{
                "LaunchTemplateSpecification": {"LaunchTemplateName": self.template("priorities"), "Version": "1"},
                "Overrides": [{"InstanceType": t, "Priority": p, "SubnetId": next(iter(self.ids["private_subnets"].values()))}
                              for t, p in (("c5.large", 2.0), ("m5.xlarge", 1.0))]}],
            TargetCapacitySpecification={"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"},
            OnDemandOptions={"AllocationStrategy": "prioritized"})
        self.assertEqual(made["Instances"][0]["InstanceType"], "m5.xlarge")
        self.shown(made)

    def test_spot_instances_say_so(self) -> None:
        made = self.fleet(self.template("spot"), ["m5.large"], "spot",
                          SpotOptions={"AllocationStrategy": "price-capacity-optimized"})
        instance = self.shown(made)
        self.assertEqual((made["Instances"][0]["Lifecycle"], instance["InstanceLifecycle"]), ("spot", "spot"))
        self.assertTrue(instance["SpotInstanceRequestId"].startswith("sir-"))
        rows = self.call("ec2", "DescribeSpotPriceHistory", InstanceTypes=["m5.large"])["SpotPriceHistory"]
        self.assertGreaterEqual(len({r["AvailabilityZone"] for r in rows}), 3)
        self.assertTrue(all(0.02 < float(r["SpotPrice"]) < 0.05 for r in rows), rows)

    def test_what_ec2_refuses(self) -> None:
        self.refused("InvalidLaunchTemplateName.NotFoundException", "ec2", "CreateFleet", Type="instant",
                     LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateName": "none", "Version": "1"}}],
                     TargetCapacitySpecification={"TotalTargetCapacity": 1})
        wrong = self.template("wrong", IamInstanceProfile={"Name": "no-such-profile"})
        made = self.fleet(wrong, ["m5.large"])
        self.assertEqual((made["Instances"], {e["ErrorCode"] for e in made["Errors"]}), ([], {"InvalidParameterValue"}))


class LongLists(Account):
    def test_they_are_written_as_by_moto(self) -> None:
        for operation, params in (("DescribeInstanceTypes", {"InstanceTypes": ["m5.large", "p4d.24xlarge", "m6g.large"]}),
                                  ("DescribeInstanceTypeOfferings", {"LocationType": "availability-zone"}),
                                  ("DescribeSpotPriceHistory", {"InstanceTypes": ["m5.large"]})):
            result, model = self.call("ec2", operation, **params), get_service_model("ec2").operation_model(operation)
            theirs = get_serializer_class("ec2", "ec2")(operation_model=model, pretty_print=False).serialize(result)["body"]
            ours = wire_ec2.write(model, result, "request-id").decode()
            self.assertEqual(ElementTree.canonicalize(ours), ElementTree.canonicalize(theirs))


class Karpenter(Served):
    shape = {"karpenter": "alone", "azs": ["us-west-2a", "us-west-2b"]}

    def test_the_controller_is_a_role_that_finds_its_subnets_by_their_tag(self) -> None:
        import boto3

        keys = self.ids["keys"]["karpenter"]
        session = boto3.client("ec2", endpoint_url=self.ids["endpoint"], region_name="us-west-2",
                               aws_access_key_id=keys["access_key_id"], aws_session_token=keys["session_token"],
                               aws_secret_access_key=keys["secret_access_key"])
        found = session.describe_subnets(Filters=[{"Name": "tag:karpenter.sh/discovery", "Values": ["sandbox"]}])
        self.assertEqual({s["SubnetId"] for s in found["Subnets"]}, set(self.ids["private_subnets"].values()))
        self.assertIn(":assumed-role/KarpenterControllerRole-sandbox/", keys["arn"])
        # A fault is for the program under test.
        self.fault("ec2", "DescribeVpcs", "error")
        session.describe_vpcs()
        self.assertEqual(len(self.world.faults), 1)
        self.world.faults.clear()

    def test_fargate_has_a_profile_and_addresses_for_its_pods(self) -> None:
        names = self.call("eks", "ListFargateProfiles", clusterName="sandbox")["fargateProfileNames"]
        profile = self.call("eks", "DescribeFargateProfile", clusterName="sandbox", fargateProfileName=names[0])
        self.assertEqual(profile["fargateProfile"]["selectors"], [{"namespace": "karpenter", "labels": {}}])
        with self.world.lock:
            self.assertEqual(private_api.handle(self.world, "POST", "/sandbox/fargate", b'{"namespace": "shop"}')[0], 404)
            pods = [private_api.handle(self.world, "POST", "/sandbox/fargate", b'{"namespace": "karpenter"}')[1]
                    for _ in range(2)]
        self.assertEqual({p["zone"] for p in pods}, {"us-west-2a", "us-west-2b"})


if __name__ == "__main__":
    unittest.main()
