"""AWS over HTTP as an SDK uses it: permissions, the log, and failures as on real AWS."""

from __future__ import annotations

import json
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import ClientError, ConnectionClosedError

from .support import Served


class Calm(Served):
    shape = {"old_nodes": "none"}

    def subnets(self) -> set[str]:
        return {s["SubnetId"] for s in self.all("ec2", "DescribeSubnets", "Subnets")}

    def test_a_caller_may_do_only_what_its_policies_allow(self) -> None:
        keys = self.user("reader", {"Action": ["eks:DescribeCluster", "ec2:DescribeVpcs"], "Resource": "*"})
        self.assertEqual(self.client("eks", keys).describe_cluster(name="sandbox")["cluster"]["status"], "ACTIVE")
        self.client("ec2", keys).describe_vpcs()
        self.client("sts", keys).get_caller_identity()
        error = self.denied("AccessDeniedException", self.client("eks", keys).list_addons, clusterName="sandbox")
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.assertIn("user/reader is not authorized to perform: eks:ListAddons", str(error))
        ec2 = self.client("ec2", keys)
        self.denied("UnauthorizedOperation", ec2.describe_subnets)
        for dry in (True, False):
            self.denied("UnauthorizedOperation", ec2.create_subnet, VpcId=self.ids["vpc_id"], DryRun=dry,
                        CidrBlock="192.168.250.0/24")
        self.denied("AccessDeniedException", self.client("ssm", keys).get_parameter, Name="/aws/service/x")
        self.denied("AccessDenied", self.client("autoscaling", keys).describe_auto_scaling_groups)
        self.denied("AccessDenied", self.client("cloudformation", keys).list_stacks)
        self.denied("AccessDenied", self.client("iam", keys).list_roles)

    def test_each_resource_is_checked_with_its_tags(self) -> None:
        mine = {"StringEquals": {"aws:ResourceTag/team": "mine"}}
        keys = self.user("owner", {"Action": ["ec2:CreateSubnet", "ec2:CreateTags"], "Resource": "*"},
                         {"Action": ["ec2:DeleteSubnet", "autoscaling:*"], "Resource": "*", "Condition": mine})
        ec2 = self.client("ec2", keys)

        def subnet(team: str, block: str) -> str:
            tags = [{"ResourceType": "subnet", "Tags": [{"Key": "team", "Value": team}]}]
            return ec2.create_subnet(VpcId=self.ids["vpc_id"], AvailabilityZone="us-west-2a", CidrBlock=block,
                                     TagSpecifications=tags)["Subnet"]["SubnetId"]

        ec2.delete_subnet(SubnetId=subnet("mine", "192.168.249.0/26"))
        self.denied("UnauthorizedOperation", ec2.delete_subnet, SubnetId=subnet("yours", "192.168.249.64/26"))
        # For a rule the permission on its group is checked, not on the source group.
        cluster = self.ids["cluster_security_group"]
        group = self.client("ec2").create_security_group(GroupName="owned", Description="x",
                                                         VpcId=self.ids["vpc_id"])["GroupId"]
        keys = self.user("ruler", {"Action": "ec2:AuthorizeSecurityGroupIngress",
                                   "Resource": f"arn:aws:ec2:us-west-2:123456789012:security-group/{group}"})
        rule = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": cluster}]}]
        ruler = self.client("ec2", keys)
        ruler.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
        self.denied("UnauthorizedOperation", ruler.authorize_security_group_ingress, GroupId=cluster, IpPermissions=rule)
        self.denied("AccessDenied", self.client("autoscaling", keys).set_desired_capacity, AutoScalingGroupName="none",
                    DesiredCapacity=0)

    def test_launching_nodes_requires_permission_to_pass_their_role(self) -> None:
        iam, ec2 = self.client("iam"), self.client("ec2")
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                                "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName="nodes", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.create_instance_profile(InstanceProfileName="nodes")
        path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id"
        template = {"LaunchTemplateName": "nodes", "LaunchTemplateData": {
            "ImageId": self.call("ssm", "GetParameter", Name=path)["Parameter"]["Value"], "InstanceType": "m5.large",
            "IamInstanceProfile": {"Name": "nodes"}}}
        ec2.create_launch_template(**template)
        group = {"AutoScalingGroupName": "nodes", "MinSize": 0, "MaxSize": 1,
                 "LaunchTemplate": {"LaunchTemplateName": "nodes"},
                 "VPCZoneIdentifier": self.ids["private_subnets"]["us-west-2a"]}
        admin = self.client("autoscaling")
        self.denied("ValidationError", admin.create_auto_scaling_group, **group)  # a profile without a role
        iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="nodes")
        starter = {"Action": ["autoscaling:*", "ec2:*"], "Resource": "*"}
        keys = self.user("starter", starter)
        error = self.denied("AccessDenied", self.client("autoscaling", keys).create_auto_scaling_group, **group)
        self.assertIn("iam:PassRole", str(error))
        keys = self.user("passer", starter, {"Action": "iam:PassRole", "Resource": role})
        self.client("autoscaling", keys).create_auto_scaling_group(**group)

    def test_every_request_is_logged_with_its_caller_and_its_outcome(self) -> None:
        before = len(self.log())
        ec2 = self.client("ec2")
        ec2.describe_vpcs()
        self.denied("DryRunOperation", ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True)
        self.denied("InvalidVpcID.NotFound", ec2.create_subnet, VpcId="vpc-0123456789abcdef0", CidrBlock="10.0.0.0/24")
        unknown = self.client("ec2", {"access_key_id": "AKIANOBODY", "secret_access_key": "x"})
        self.denied("AuthFailure", unknown.describe_vpcs)
        rows = self.log()[before:]
        logged = [(r["service"], r["operation"], r["mutating"], r["status"], r["error_code"]) for r in rows]
        self.assertEqual(logged, [("ec2", "DescribeVpcs", False, 200, None),
                                 ("ec2", "CreateVpc", False, 412, "DryRunOperation"),
                                 ("ec2", "CreateSubnet", True, 400, "InvalidVpcID.NotFound"),
                                 ("ec2", "DescribeVpcs", False, 401, "AuthFailure")])
        self.assertEqual([r["caller"] for r in rows], [self.ids["keys"]["admin"]["arn"]] * 3 + [None])
        self.assertTrue(all(r["time"].endswith("Z") for r in rows))

    def test_every_service_rejects_a_wrong_signature(self) -> None:
        keys = {**self.ids["keys"]["admin"], "secret_access_key": "wrong"}
        self.denied("InvalidSignatureException", self.client("eks", keys).list_clusters)
        self.denied("AuthFailure", self.client("ec2", keys).describe_vpcs)
        self.denied("SignatureDoesNotMatch", self.client("sts", keys).get_caller_identity)

    def test_a_presigned_request_identifies_its_signer(self) -> None:
        url = self.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
        with urllib.request.urlopen(url) as reply:
            self.assertIn(self.ids["keys"]["admin"]["arn"], reply.read().decode())

    def test_a_request_that_violates_the_api_model_is_rejected(self) -> None:
        ec2 = self.client("ec2")
        self.denied("InvalidParameterValue", ec2.describe_subnets, MaxResults=1)
        self.denied("InvalidParameterException", self.client("eks").update_addon, clusterName="sandbox",
                    addonName="vpc-cni", resolveConflicts="MAYBE")
        self.denied("ValidationError", self.client("cloudformation").create_stack, StackName="s", TemplateBody="{}",
                    ClientRequestToken="no spaces, please")

    def test_a_lost_reply_or_a_late_error_comes_after_the_work(self) -> None:
        ec2, request = self.client("ec2"), {"VpcId": self.ids["vpc_id"], "AvailabilityZone": "us-west-2a"}
        for kind, error, block in (("lost_reply", ConnectionClosedError, "192.168.250.0/26"),
                                   ("late_error", ClientError, "192.168.250.64/26")):
            before = self.subnets()
            self.fault("ec2", "CreateSubnet", kind)
            with self.assertRaises(error):
                ec2.create_subnet(**request, CidrBlock=block)
            self.assertEqual(len(self.subnets() - before), 1)
            self.denied("InvalidSubnet.Conflict", ec2.create_subnet, **request, CidrBlock=block)

    def test_a_fault_that_could_never_happen_is_rejected(self) -> None:
        for fault in ({"service": "ec2", "kind": "typo"}, {"kind": "error"}):
            request = urllib.request.Request(self.ids["endpoint"] + "/sandbox/faults", json.dumps(fault).encode())
            with self.assertRaises(urllib.error.HTTPError):
                urllib.request.urlopen(request)
        self.assertEqual(self.world.faults, [])

    def test_an_instance_type_that_a_zone_does_not_offer_is_rejected(self) -> None:
        path = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id"
        error = self.denied("Unsupported", self.client("ec2").run_instances, MinCount=1, MaxCount=1,
                            ImageId=self.call("ssm", "GetParameter", Name=path)["Parameter"]["Value"],
                            InstanceType="trn1.32xlarge", SubnetId=self.ids["private_subnets"]["us-west-2a"])
        self.assertIn("in your requested Availability Zone (us-west-2a)", str(error))

    def test_a_client_token_creates_only_one_resource(self) -> None:
        def count() -> int:
            return len(self.all("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces"))

        before, subnet = count(), self.ids["private_subnets"]["us-west-2a"]
        self.fault("ec2", "CreateNetworkInterface", "lost_reply")
        ec2 = self.client("ec2", tries=3)
        made = ec2.create_network_interface(SubnetId=subnet, ClientToken="t")["NetworkInterface"]["NetworkInterfaceId"]
        again = ec2.create_network_interface(SubnetId=subnet, ClientToken="t")["NetworkInterface"]["NetworkInterfaceId"]
        self.assertEqual((again, count()), (made, before + 1))
        self.denied("IdempotentParameterMismatch", ec2.create_network_interface, SubnetId=subnet, ClientToken="t",
                    Description="other")

    def test_limits_of_groups_tags_and_rules(self) -> None:
        ec2, vpc = self.client("ec2"), self.ids["vpc_id"]

        def group(name: str, text: str = "nodes", **tags: str) -> str:
            spec = [{"ResourceType": "security-group", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
            return ec2.create_security_group(GroupName=name, Description=text, VpcId=vpc,
                                             TagSpecifications=spec if tags else [])["GroupId"]

        wrong = "InvalidParameterValue"
        self.denied(wrong, group, name="sg-1")
        self.denied(wrong, group, name="a", text="the nodes' group")
        self.denied(wrong, group, name="a", **{"aws:x": "y"})
        self.denied(wrong, group, name="a", **{"k" * 129: "y"})
        self.denied(wrong, ec2.create_subnet, VpcId=vpc, CidrBlock="192.168.251.0/24", TagSpecifications=[
            {"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}])
        groups = [group(f"g{i}", team="x") for i in range(6)]
        subnet = self.ids["private_subnets"]["us-west-2a"]
        self.denied("SecurityGroupsPerInterfaceLimitExceeded", ec2.create_network_interface, SubnetId=subnet, Groups=groups)

        def allow(count: int) -> None:
            ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [
                    {"CidrIp": f"10.0.0.{i}/32"} for i in range(count)]}])

        self.denied("RulesPerSecurityGroupLimitExceeded", allow, count=61)
        allow(60)
        default = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]},
                                                        {"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]
        self.denied("CannotDelete", ec2.delete_security_group, GroupId=default["GroupId"])


class Real(Served):
    """As on real AWS one call in 47 is throttled, so calls are retried unless throttling itself is tested."""

    shape = {"aws": "real", "old_nodes": "none"}

    def test_reads_are_throttled_too(self) -> None:
        for service, operation, code in (("ec2", "describe_vpcs", "RequestLimitExceeded"),
                                         ("eks", "list_clusters", "TooManyRequestsException"),
                                         ("cloudformation", "list_stacks", "Throttling"),
                                         ("autoscaling", "describe_auto_scaling_groups", "Throttling")):
            client, codes = self.client(service), set()
            for _ in range(48):
                try:
                    getattr(client, operation)()
                except ClientError as error:
                    codes.add(error.response["Error"]["Code"])
            self.assertEqual(codes, {code})

    def test_creations_and_deletions_are_visible_after_a_delay(self) -> None:
        ec2 = self.client("ec2", tries=3)
        tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "new"}]}]
        subnet = ec2.create_subnet(VpcId=self.ids["vpc_id"], CidrBlock="192.168.250.0/24", AvailabilityZone="us-west-2a",
                                   TagSpecifications=tags)["Subnet"]["SubnetId"]

        def tagged() -> list[str]:
            found = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["new"]}])["Subnets"]
            return [s["SubnetId"] for s in found]

        self.assertEqual(tagged(), [])
        self.denied("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=[subnet])
        self.assertIn(subnet, {s["SubnetId"] for s in self.client("ec2", self.ids["keys"]["witness"]).get_paginator(
            "describe_subnets").paginate().search("Subnets[]")})
        self.assertEqual(self.until(tagged), [subnet])
        ec2.delete_subnet(SubnetId=subnet)
        self.assertEqual(tagged(), [subnet])
        self.until(lambda: not tagged())
        self.denied("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=[subnet])

    def test_a_new_role_is_unknown_to_other_services_for_a_while(self) -> None:
        iam, eks = self.client("iam", tries=3), self.client("eks", tries=3)
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                                "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName="young", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        request = {"clusterName": "sandbox", "principalArn": role, "type": "EC2_LINUX"}
        self.denied("InvalidParameterException", eks.create_access_entry, **request)

        def made() -> bool:
            try:
                eks.create_access_entry(**request)
            except eks.exceptions.InvalidParameterException:
                return False
            return True

        self.until(made)
        self.denied("ResourceNotFoundException", eks.describe_access_entry, clusterName="sandbox", principalArn=role)

    def test_pages_are_small_whatever_is_requested(self) -> None:
        ec2 = self.client("ec2", tries=3)
        first = ec2.describe_subnets(MaxResults=1000)
        self.assertLess(len(first["Subnets"]), 10)
        rest = ec2.describe_subnets(MaxResults=1000, NextToken=first["NextToken"])["Subnets"]
        private = {s for s in self.ids["private_subnets"].values()}
        self.assertLessEqual(private, {s["SubnetId"] for s in first["Subnets"] + rest})


if __name__ == "__main__":
    unittest.main()
