"""Permissions: condition keys of calls, calls in a caller's name, and the policy simulator."""

from __future__ import annotations

import json
import unittest
import urllib.request

from .support import Served

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
GROUP = """
Parameters: { Vpc: { Type: "AWS::EC2::VPC::Id" } }
Resources:
  Group: { Type: "AWS::EC2::SecurityGroup", Properties: { GroupDescription: nodes, VpcId: !Ref Vpc } }
"""


class Permissions(Served):
    shape = {"old_nodes": "none"}

    def asked(self, name: str) -> list[str]:
        with urllib.request.urlopen(self.ids["endpoint"] + "/sandbox/permissions") as reply:
            return json.load(reply)[f"arn:aws:iam::123456789012:user/{name}"]

    def test_a_stack_calls_in_the_name_of_its_creator_with_calledvia(self) -> None:
        by_stack = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
        keys = self.user("maker", {"Action": ["cloudformation:*"], "Resource": "*"},
                         {"Action": ["ec2:CreateSecurityGroup", "ec2:CreateTags"], "Resource": "*", "Condition": by_stack},
                         {"Action": "ec2:DescribeSecurityGroups", "Resource": "*"})
        self.denied("UnauthorizedOperation", self.client("ec2", keys).create_security_group, GroupName="alone",
                    Description="x", VpcId=self.ids["vpc_id"])
        stacks = self.client("cloudformation", keys)
        stacks.create_stack(StackName="made", TemplateBody=GROUP,
                            Parameters=[{"ParameterKey": "Vpc", "ParameterValue": self.ids["vpc_id"]}])
        self.until(lambda: stacks.describe_stacks(StackName="made")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        self.assertIn("ec2:DescribeSecurityGroups", self.asked("maker"))  # the handler's own read

    def test_what_a_handler_reads_must_be_allowed_too(self) -> None:
        keys = self.user("blind", {"Action": ["cloudformation:*", "ec2:Create*", "ec2:DeleteSecurityGroup"], "Resource": "*"})
        stacks = self.client("cloudformation", keys)
        stacks.create_stack(StackName="unseen", TemplateBody=GROUP,
                            Parameters=[{"ParameterKey": "Vpc", "ParameterValue": self.ids["vpc_id"]}])
        self.until(lambda: stacks.describe_stacks(StackName="unseen")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
        reasons = [e.get("ResourceStatusReason", "") for e in stacks.describe_stack_events(StackName="unseen")["StackEvents"]]
        self.assertTrue(any("ec2:DescribeSecurityGroups" in r for r in reasons), reasons)

    def test_a_stack_tags_a_security_group_in_a_separate_call(self) -> None:
        keys = self.user("tagger", {"Action": ["cloudformation:*", "ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup",
                                               "ec2:Describe*"], "Resource": "*"},
                         {"Action": "ec2:CreateTags", "Resource": "*",
                          "Condition": {"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}}})
        stacks = self.client("cloudformation", keys)
        stacks.create_stack(StackName="tagged", TemplateBody=GROUP, Tags=[{"Key": "a", "Value": "b"}],
                            Parameters=[{"ParameterKey": "Vpc", "ParameterValue": self.ids["vpc_id"]}])
        self.until(lambda: stacks.describe_stacks(StackName="tagged")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
        reasons = [e.get("ResourceStatusReason", "") for e in stacks.describe_stack_events(StackName="tagged")["StackEvents"]]
        self.assertTrue(any("ec2:CreateTags" in r for r in reasons), reasons)

    def test_keys_of_single_operations(self) -> None:
        keys = self.user("narrow", {"Action": "eks:CreateAccessEntry", "Resource": "*",
                                    "Condition": {"StringEquals": {"eks:accessEntryType": "EC2_LINUX"}}},
                         {"Action": "iam:AttachRolePolicy", "Resource": "*", "Condition": {"ArnEquals": {
                             "iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"}}},
                         {"Action": "iam:CreateRole", "Resource": "*"})
        role = self.client("iam").create_role(RoleName="joins", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        eks, iam = self.client("eks", keys), self.client("iam", keys)
        self.denied("AccessDeniedException", eks.create_access_entry, clusterName="sandbox", principalArn=role)
        eks.create_access_entry(clusterName="sandbox", principalArn=role, type="EC2_LINUX")
        self.denied("AccessDenied", iam.attach_role_policy, RoleName="joins",
                    PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.attach_role_policy(RoleName="joins", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
        # Tagging on creation needs the permission to tag.
        tags = [{"Key": "a", "Value": "b"}]
        error = self.denied("AccessDenied", iam.create_role, RoleName="tagged", AssumeRolePolicyDocument=TRUST, Tags=tags)
        self.assertIn("iam:TagRole", str(error))
        iam.create_role(RoleName="plain", AssumeRolePolicyDocument=TRUST)

    def decisions(self, arn: str, *actions: str, **more: object) -> dict[str, str]:
        rows = self.client("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(actions), **more)
        return {r["EvalActionName"]: r["EvalDecision"] for r in rows["EvaluationResults"]}

    def test_the_simulator_uses_only_the_given_resources_and_keys(self) -> None:
        subnets = "arn:aws:ec2:us-west-2:123456789012:subnet/*"
        self.user("asked", {"Action": ["ec2:DescribeVpcs", "ec2:CreateSecurityGroup"], "Resource": "*"},
                  {"Action": "ec2:CreateSubnet", "Resource": subnets,
                   "Condition": {"StringEquals": {"aws:RequestTag/team": "mine"}}})
        arn = "arn:aws:iam::123456789012:user/asked"
        self.assertEqual(self.decisions(arn, "ec2:DescribeVpcs", "ec2:CreateSubnet", "iam:CreateRole"), {
            "ec2:DescribeVpcs": "allowed", "ec2:CreateSubnet": "implicitDeny", "iam:CreateRole": "implicitDeny"})
        iam = self.client("iam")
        rows = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ec2:CreateSubnet"], ResourceArns=[subnets])
        on = rows["EvaluationResults"][0]["ResourceSpecificResults"][0]
        self.assertEqual((on["EvalResourceDecision"], on["MissingContextValues"]), ("implicitDeny", ["aws:RequestTag/team"]))
        tag = [{"ContextKeyName": "aws:RequestTag/team", "ContextKeyType": "string", "ContextKeyValues": ["mine"]}]
        self.assertEqual(self.decisions(arn, "ec2:CreateSubnet", ResourceArns=[subnets], ContextEntries=tag),
                         {"ec2:CreateSubnet": "allowed"})
        error = self.denied("InvalidInput", iam.simulate_principal_policy, PolicySourceArn=arn, ResourceArns=[subnets],
                            ActionNames=["ec2:CreateSubnet", "ec2:TerminateInstances"])
        self.assertIn("[ec2:CreateSubnet] and [ec2:TerminateInstances] require different authorization", str(error))

    def test_an_explicit_deny_wins_and_the_path_is_part_of_the_arn(self) -> None:
        iam = self.client("iam")
        role = iam.create_role(RoleName="deploys", Path="/team/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="deploys", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}]}))
        self.assertEqual(self.decisions(role, "iam:CreateUser", "ec2:RunInstances"),
                         {"iam:CreateUser": "explicitDeny", "ec2:RunInstances": "allowed"})
        bare = "arn:aws:iam::123456789012:role/deploys"
        for arn, code in ((bare, "NoSuchEntity"), ("arn:aws:sts::123456789012:assumed-role/deploys/x", "InvalidInput")):
            self.denied(code, iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["ec2:RunInstances"])

    def test_long_results_are_paged(self) -> None:
        actions = [f"ec2:Describe{n}" for n in range(150)]
        pages = self.client("iam").get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=self.ids["keys"]["admin"]["arn"], ActionNames=actions)
        sizes = [len(p["EvaluationResults"]) for p in pages]
        self.assertEqual((len(sizes), sum(sizes)), (2, 150))


if __name__ == "__main__":
    unittest.main()
