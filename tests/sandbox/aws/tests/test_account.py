"""An account as a whole: seeded, then used through its operations, with real but short waits."""

from __future__ import annotations

import base64
import unittest
from typing import Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox_aws import private_api, token_review

from . import support

STACK = """
Parameters: { Vpc: { Type: "AWS::EC2::VPC::Id" }, Size: { Type: Number }, Image: { Type: String }, Subnet: { Type: String } }
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: { GroupDescription: nodes, VpcId: !Ref Vpc }
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData: { ImageId: !Ref Image, InstanceType: m5.large, SecurityGroupIds: [!Ref Group] }
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "0"
      MaxSize: "3"
      DesiredCapacity: !Ref Size
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: { LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber }
Outputs: { Nodes: { Value: !Ref Nodes }, Group: { Value: !Ref Group } }
"""


class Used(support.Account):
    shape = {"old_nodes": "both"}

    def test_every_zone_has_old_nodes(self) -> None:
        def running() -> list[dict[str, Any]]:
            with self.world.lock:
                rows = private_api.instances(self.world)
            return [r for r in rows if r["state"] == "running" and r["role_arn"] == self.ids["old_node_role_arn"]]

        rows = self.until(lambda: len(running()) >= 6 and running())
        for group in [*self.ids["self_managed_asgs"], None]:
            zones = {r["az"] for r in rows if (r["asg"] == group if group else r["nodegroup"] == "old-managed")}
            self.assertEqual(sorted(zones), self.world.shape.azs)
        self.assertIn("apiServerEndpoint: https://127.0.0.1:6443", rows[0]["user_data"])

    def test_a_stack_is_updated_in_place_and_cannot_delete_a_group_in_use(self) -> None:
        path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id"
        values = {"Vpc": self.ids["vpc_id"], "Size": "0", "Subnet": self.ids["private_subnets"]["us-west-2a"],
                  "Image": self.call("ssm", "GetParameter", Name=path)["Parameter"]["Value"]}

        def rows() -> list[dict[str, str]]:
            return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]

        def stack() -> dict[str, Any]:
            return self.call("cloudformation", "DescribeStacks", StackName="nodes")["Stacks"][0]

        def settled(status: str) -> Any:
            return self.until(lambda: stack() if stack()["StackStatus"] == status else None)

        request = {"StackName": "nodes", "TemplateBody": STACK, "Parameters": rows(), "ClientRequestToken": "t"}
        made = self.call("cloudformation", "CreateStack", **request)
        self.assertEqual(self.call("cloudformation", "CreateStack", **request), made)
        self.refused("AlreadyExistsException", "cloudformation", "CreateStack", **{**request, "ClientRequestToken": "u"})
        outputs = {o["OutputKey"]: o["OutputValue"] for o in settled("CREATE_COMPLETE")["Outputs"]}
        text = self.refused("ValidationError", "cloudformation", "UpdateStack", StackName="nodes", TemplateBody=STACK,
                            Parameters=rows())
        self.assertEqual(text, "No updates are to be performed.")
        values["Size"] = "1"
        self.call("cloudformation", "UpdateStack", StackName="nodes", TemplateBody=STACK, Parameters=rows())
        after = {o["OutputKey"]: o["OutputValue"] for o in settled("UPDATE_COMPLETE")["Outputs"]}
        self.assertEqual(after, outputs)

        def member() -> Any:
            found = self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[outputs["Nodes"]])
            return [i for i in found["AutoScalingGroups"][0]["Instances"] if i["LifecycleState"] == "InService"]

        instance = self.until(member)[0]["InstanceId"]
        # A leaked CNI interface prevents the deletion of the group.
        eni = self.call("ec2", "CreateNetworkInterface", SubnetId=values["Subnet"], Groups=[outputs["Group"]],
                        Description=f"aws-K8S-{instance}")["NetworkInterface"]["NetworkInterfaceId"]
        self.call("ec2", "AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
        self.call("ec2", "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, Attachment={
            "AttachmentId": "x", "DeleteOnTermination": True})
        self.world.faults.append({"service": "ec2", "operation": "TerminateInstances", "kind": "eni_leak", "times": 1})
        self.call("cloudformation", "DeleteStack", StackName="nodes")
        self.assertIn("[Group]", settled("DELETE_FAILED")["StackStatusReason"])
        self.call("ec2", "DeleteNetworkInterface", NetworkInterfaceId=eni)
        self.call("cloudformation", "DeleteStack", StackName="nodes")
        self.until(lambda: not [s for s in self.call("cloudformation", "DescribeStacks")["Stacks"]
                                if s["StackName"] == "nodes"])

    def test_a_failed_launch_is_a_failed_activity(self) -> None:
        name = self.ids["self_managed_asgs"][0]
        self.world.faults.append({"service": "autoscaling", "operation": name, "kind": "launch_failure", "times": 1,
                                  "code": "VcpuLimitExceeded"})
        before = self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        self.call("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=name,
                  DesiredCapacity=before["DesiredCapacity"] + 1)

        def failed() -> Any:
            rows = self.call("autoscaling", "DescribeScalingActivities", AutoScalingGroupName=name)["Activities"]
            return [r for r in rows if r["StatusCode"] == "Failed"]

        self.assertIn("VcpuLimitExceeded", self.until(failed)[0]["StatusMessage"])

    def test_min_size_stops_a_decrement(self) -> None:
        group = self.call("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"][0]
        name, size = group["AutoScalingGroupName"], group["DesiredCapacity"]
        self.call("autoscaling", "UpdateAutoScalingGroup", AutoScalingGroupName=name, MinSize=size)
        self.until(lambda: self.call("autoscaling", "DescribeAutoScalingInstances")["AutoScalingInstances"])
        rows = self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
        self.refused("ValidationError", "autoscaling", "TerminateInstanceInAutoScalingGroup",
                     InstanceId=rows[0]["Instances"][0]["InstanceId"], ShouldDecrementDesiredCapacity=True)

    def test_addresses_come_from_the_subnet_and_are_released(self) -> None:
        subnet = self.call("ec2", "CreateSubnet", VpcId=self.ids["vpc_id"], CidrBlock="192.168.254.0/28",
                           AvailabilityZone="us-west-2a")["Subnet"]["SubnetId"]

        def free() -> int:
            return self.call("ec2", "DescribeSubnets", SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]

        self.assertEqual(free(), 11)
        eni = self.call("ec2", "CreateNetworkInterface", SubnetId=subnet, SecondaryPrivateIpAddressCount=9)
        self.assertEqual(free(), 1)
        self.refused("InsufficientFreeAddressesInSubnet", "ec2", "CreateNetworkInterface", SubnetId=subnet,
                     SecondaryPrivateIpAddressCount=3)
        self.refused("DependencyViolation", "ec2", "DeleteSubnet", SubnetId=subnet)
        self.call("ec2", "DeleteNetworkInterface", NetworkInterfaceId=eni["NetworkInterface"]["NetworkInterfaceId"])
        self.assertEqual(free(), 11)
        self.call("ec2", "DeleteSubnet", SubnetId=subnet)

    def token(self, cluster: str = "sandbox", host: str = "sts.us-west-2.amazonaws.com", expires: int = 60,
              key: str = "admin") -> str:
        keys = self.ids["keys"][key]
        request = AWSRequest("GET", f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15",
                             {"x-k8s-aws-id": cluster})
        SigV4QueryAuth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "sts", "us-west-2",
                       expires).add_auth(request)
        return "k8s-aws-v1." + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")

    def review(self, token: str) -> dict[str, Any]:
        return token_review.review(self.world, {"spec": {"token": token}})["status"]

    def test_tokens(self) -> None:
        good = self.review(self.token())
        self.assertEqual(good["user"]["groups"], ["system:masters"])
        for bad in (self.token(cluster="other"), self.token(host="127.0.0.1"), self.token(expires=3600),
                    self.token(key="witness"), self.token()[:-4] + "AAAA", "k8s-aws-v1.x", "x"):
            self.assertFalse(self.review(bad)["authenticated"], bad)


if __name__ == "__main__":
    unittest.main()
