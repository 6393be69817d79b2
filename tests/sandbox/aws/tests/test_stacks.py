"""Stacks that fail, are interrupted or never complete."""

from __future__ import annotations

import json
import unittest
from typing import Any

from botocore.exceptions import ClientError

from .support import Served

STACK = """
Parameters:
  Vpc: { Type: "AWS::EC2::VPC::Id" }
  Text: { Type: String, Default: nodes }
  Image:
    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>
    Default: /aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: { GroupDescription: nodes, VpcId: !Ref Vpc, Tags: [{ Key: Name, Value: !Ref Text }] }
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: { GroupId: !Ref Group, IpProtocol: "-1", SourceSecurityGroupId: !Ref Group }
  Template:
    Type: AWS::EC2::LaunchTemplate
    DependsOn: Rule
    Properties:
      LaunchTemplateData: { ImageId: !Ref Image, InstanceType: m5.large, SecurityGroupIds: [!Ref Group] }
"""


class Stacks(Served):
    shape = {"old_nodes": "none"}

    def request(self, name: str, text: str = "nodes", **more: Any) -> dict[str, Any]:
        rows = [{"ParameterKey": "Vpc", "ParameterValue": self.ids["vpc_id"]},
                {"ParameterKey": "Text", "ParameterValue": text}]
        return {"StackName": name, "TemplateBody": STACK, "Parameters": rows, **more}

    def stack(self, stack_id: str) -> dict[str, Any]:
        return self.call("cloudformation", "DescribeStacks", StackName=stack_id)["Stacks"][0]

    def settled(self, stack_id: str) -> str:
        self.until(lambda: not self.stack(stack_id)["StackStatus"].endswith("_IN_PROGRESS"))
        return str(self.stack(stack_id)["StackStatus"])

    def events(self, stack_id: str) -> list[tuple[str, str]]:
        return [(e.logical, e.status) for s in self.world.home.stacks if s.id == stack_id for e in s.events]

    def groups(self) -> int:
        return len(self.all("ec2", "DescribeSecurityGroups", "SecurityGroups"))

    def test_a_stack_that_fails_at_its_last_resource_is_rolled_back(self) -> None:
        before = self.groups()
        self.fault("cloudformation", "Template", "stack_failure", late=True)
        made = self.call("cloudformation", "CreateStack", **self.request("late"))["StackId"]
        self.assertEqual(self.settled(made), "ROLLBACK_COMPLETE")
        self.assertIn(("Template", "CREATE_FAILED"), self.events(made))
        self.assertEqual(self.groups(), before)
        self.refused("AlreadyExistsException", "cloudformation", "CreateStack", **self.request("late"))
        self.refused("ValidationError", "cloudformation", "UpdateStack", **self.request("late", "other"))

    def test_a_delete_stops_a_creation_and_leaves_nothing(self) -> None:
        before = self.groups()
        made = self.call("cloudformation", "CreateStack", **self.request("short"))["StackId"]
        self.until(lambda: ("Group", "CREATE_IN_PROGRESS") in self.events(made))
        self.call("cloudformation", "DeleteStack", StackName="short")
        self.assertEqual(self.settled(made), "DELETE_COMPLETE")
        self.assertNotIn("Template", [logical for logical, _ in self.events(made)])
        self.assertEqual(self.groups(), before)

    def test_a_failed_update_is_rolled_back(self) -> None:
        made = self.call("cloudformation", "CreateStack", **self.request("update", ClientRequestToken="a"))["StackId"]
        self.assertEqual(self.settled(made), "CREATE_COMPLETE")
        self.refused("TokenAlreadyExistsException", "cloudformation", "UpdateStack",
                     **self.request("update", "other", ClientRequestToken="a"))
        self.fault("cloudformation", "AWS::EC2::SecurityGroup", "stack_failure")
        wanted = self.request("update", "other", ClientRequestToken="b")
        self.call("cloudformation", "UpdateStack", **wanted)
        self.assertEqual(self.call("cloudformation", "UpdateStack", **wanted)["StackId"], made)
        self.assertEqual(self.settled(made), "UPDATE_ROLLBACK_COMPLETE")
        values = {p["ParameterKey"]: p["ParameterValue"] for p in self.stack(made)["Parameters"]}
        self.assertEqual(values["Text"], "nodes")

    def test_templates_and_values_are_limited_by_quotas(self) -> None:
        text = self.refused("ValidationError", "cloudformation", "CreateStack", **self.request("long", "x" * 4097))
        self.assertIn("less than or equal to 4096", text)
        text = self.refused("ValidationError", "cloudformation", "CreateStack", **{
            **self.request("long"), "TemplateBody": STACK + "#" * 51200})
        self.assertIn("less than or equal to 51200", text)

    def test_a_property_that_is_not_emulated_fails_its_resource(self) -> None:
        made = self.call("cloudformation", "CreateStack", StackName="more", TemplateBody=json.dumps({"Resources": {
            "R": {"Type": "AWS::IAM::Role", "Properties": {
                "MaxSessionDuration": 3600, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}}}}),
            Capabilities=["CAPABILITY_IAM"])["StackId"]
        self.assertEqual(self.settled(made), "ROLLBACK_COMPLETE")
        reasons = [e.reason for s in self.world.home.stacks if s.id == made for e in s.events]
        self.assertIn("The sandbox does not emulate MaxSessionDuration of AWS::IAM::Role", reasons)

    def test_stored_parameters_are_read_as_the_caller(self) -> None:
        client = self.client("cloudformation", self.user("stacker", {"Action": ["cloudformation:*", "ec2:*"],
                                                                     "Resource": "*"}))
        with self.assertRaisesRegex(ClientError, r"ValidationError.*ssm:GetParameters on resource: arn:aws:ssm:us-west-2::"):
            client.create_stack(**self.request("unread"))


if __name__ == "__main__":
    unittest.main()
