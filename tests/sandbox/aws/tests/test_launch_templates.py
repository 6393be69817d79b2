"""Launch templates keep what they are given, and instances get it: volumes with keys, tags, options."""

from __future__ import annotations

import base64
import unittest
from typing import Any

from sandbox_aws import amis

from .support import Account

_KEY = "11111111-2222-3333-4444-555555555555"


class Templates(Account):
    def data(self) -> dict[str, Any]:
        return {
            "ImageId": amis.images()[0].id, "InstanceType": "m5.large", "KeyName": "ops", "EbsOptimized": True,
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "Encrypted": True, "KmsKeyId": _KEY,
                                                    "VolumeType": "gp3", "Iops": 4000, "Throughput": 200}},
                {"DeviceName": "/dev/xvdc", "Ebs": {"VolumeSize": 9, "Encrypted": True, "DeleteOnTermination": False}}],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"},
            "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.1"}},
            "EnclaveOptions": {"Enabled": True}, "Placement": {"Tenancy": "dedicated", "GroupName": "pg"},
            "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
            "CreditSpecification": {"CpuCredits": "standard"}, "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
            "LicenseSpecifications": [{"LicenseConfigurationArn": "arn:aws:license-manager:us-west-2:1:x"}],
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [self.ids["cluster_security_group"]], "InterfaceType": "efa",
                                   "NetworkCardIndex": 0, "AssociatePublicIpAddress": False}],
            "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": "of", "Value": kind}]}
                                  for kind in ("instance", "volume", "network-interface")],
            "UserData": base64.b64encode(b"hello").decode(), "Monitoring": {"Enabled": True},
            "PrivateDnsNameOptions": {"HostnameType": "ip-name"}, "MaintenanceOptions": {"AutoRecovery": "default"}}

    def make(self, name: str, data: dict[str, Any], **more: Any) -> str:
        made = self.call("ec2", "CreateLaunchTemplate", LaunchTemplateName=name, LaunchTemplateData=data, **more)
        self.addCleanup(self.call, "ec2", "DeleteLaunchTemplate", LaunchTemplateName=name)
        return made["LaunchTemplate"]["LaunchTemplateId"]

    def versions(self, name: str, **more: Any) -> list[dict[str, Any]]:
        return self.call("ec2", "DescribeLaunchTemplateVersions", LaunchTemplateName=name, **more)["LaunchTemplateVersions"]

    def test_every_field_comes_back(self) -> None:
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "own", "Value": "x"}]}]
        self.make("whole", self.data(), TagSpecifications=tags, VersionDescription="first")
        shown = self.versions("whole")[0]
        self.assertEqual(shown["LaunchTemplateData"], self.data())
        self.assertEqual((shown["VersionDescription"], shown["DefaultVersion"]), ("first", True))

    def test_versions_inherit_and_are_found_by_number_and_name(self) -> None:
        self.make("versions", {"InstanceType": "m5.large", "KeyName": "a"})
        self.call("ec2", "CreateLaunchTemplateVersion", LaunchTemplateName="versions", SourceVersion="1",
                  LaunchTemplateData={"KeyName": "b"})
        self.call("ec2", "CreateLaunchTemplateVersion", LaunchTemplateName="versions", LaunchTemplateData={"KeyName": "c"})
        self.assertEqual([v["VersionNumber"] for v in self.versions("versions")], [3, 2, 1])
        self.assertEqual(self.versions("versions", Versions=["2"])[0]["LaunchTemplateData"],
                         {"InstanceType": "m5.large", "KeyName": "b"})
        self.assertEqual(self.versions("versions", Versions=["$Latest"])[0]["LaunchTemplateData"], {"KeyName": "c"})
        self.assertEqual(self.versions("versions", Versions=["$Default"])[0]["VersionNumber"], 1)
        self.call("ec2", "ModifyLaunchTemplate", LaunchTemplateName="versions", DefaultVersion="3")
        self.assertEqual(self.versions("versions", Versions=["$Default"])[0]["VersionNumber"], 3)
        self.refused("InvalidLaunchTemplateId.VersionNotFound", "ec2", "DescribeLaunchTemplateVersions",
                     LaunchTemplateName="versions", Versions=["9"])
        self.refused("InvalidLaunchTemplateName.NotFoundException", "ec2", "DescribeLaunchTemplateVersions",
                     LaunchTemplateName="none")

    def test_an_instance_gets_volumes_tags_and_options_of_its_template(self) -> None:
        self.make("run", self.data())
        subnet = next(iter(self.ids["private_subnets"].values()))
        made = self.call("ec2", "RunInstances", LaunchTemplate={"LaunchTemplateName": "run"}, SubnetId=subnet, MinCount=1,
                         MaxCount=1)["Instances"][0]["InstanceId"]
        self.addCleanup(self.call, "ec2", "TerminateInstances", InstanceIds=[made])
        shown = self.call("ec2", "DescribeInstances", InstanceIds=[made])["Reservations"][0]["Instances"][0]
        tags = {t["Key"]: t["Value"] for t in shown["Tags"]}
        self.assertEqual((tags.pop("of"), sorted(tags)), ("instance", ["aws:ec2launchtemplate:id",
                                                                       "aws:ec2launchtemplate:version"]))
        self.assertEqual((shown["InstanceLifecycle"], shown["EnclaveOptions"], shown["KeyName"]),
                         ("spot", {"Enabled": True}, "ops"))
        self.assertEqual((shown["Placement"]["Tenancy"], shown["Placement"]["GroupName"]), ("dedicated", "pg"))
        self.assertEqual(shown["MetadataOptions"]["HttpPutResponseHopLimit"], 1)
        interface = self.call("ec2", "DescribeNetworkInterfaces", Filters=[
            {"Name": "attachment.instance-id", "Values": [made]}])["NetworkInterfaces"][0]
        self.assertEqual(interface["TagSet"], [{"Key": "of", "Value": "network-interface"}])
        volumes = {v["Attachments"][0]["Device"]: v for v in self.call("ec2", "DescribeVolumes", Filters=[
            {"Name": "attachment.instance-id", "Values": [made]}])["Volumes"]}
        root = volumes["/dev/xvda"]
        self.assertEqual(root["KmsKeyId"], f"arn:aws:kms:us-west-2:123456789012:key/{_KEY}")
        self.assertEqual((root["Size"], root["VolumeType"], root["Iops"], root["Throughput"]), (50, "gp3", 4000, 200))
        self.assertTrue(volumes["/dev/xvdc"]["Encrypted"] and volumes["/dev/xvdc"]["KmsKeyId"].startswith("arn:aws:kms:"))
        self.assertEqual([v["Tags"] for v in volumes.values()], [[{"Key": "of", "Value": "volume"}]] * 2)

    def test_images_of_al2023_require_imdsv2(self) -> None:
        subnet = next(iter(self.ids["private_subnets"].values()))
        for family, expected in (("al2023", ("required", 2)), ("al2", ("optional", 1))):
            image = next(i.id for i in amis.images() if i.family == family and i.architecture == "x86_64")
            made = self.call("ec2", "RunInstances", ImageId=image, SubnetId=subnet, InstanceType="m5.large", MinCount=1,
                             MaxCount=1)["Instances"][0]["InstanceId"]
            self.addCleanup(self.call, "ec2", "TerminateInstances", InstanceIds=[made])
            options = self.call("ec2", "DescribeInstances", InstanceIds=[made])["Reservations"][0]["Instances"][0][
                "MetadataOptions"]
            self.assertEqual((options["HttpTokens"], options["HttpPutResponseHopLimit"]), expected)

    def test_a_key_without_encryption_is_refused(self) -> None:
        subnet = next(iter(self.ids["private_subnets"].values()))
        self.refused("InvalidParameterDependency", "ec2", "RunInstances", ImageId=amis.images()[0].id, SubnetId=subnet,
                     InstanceType="m5.large", MinCount=1, MaxCount=1,
                     BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"KmsKeyId": _KEY}}])


if __name__ == "__main__":
    unittest.main()
