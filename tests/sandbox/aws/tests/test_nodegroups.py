"""Managed node groups: what EKS refuses, creates, merges and deletes."""

from __future__ import annotations

import base64
import unittest
from typing import Any

import yaml
from sandbox_aws import amis, eks_max_pods, eks_user_data
from sandbox_aws.eks_model import Cluster

from .support import Account

_SHELL = ('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="X"\n\n--X\nContent-Type: text/x-shellscript\n\n'
          "#!/bin/sh\necho proxy\n\n--X\nContent-Type: application/node.eks.aws\n\n---\napiVersion: node.eks.aws/v1alpha1\n"
          "kind: NodeConfig\nspec: {kubelet: {config: {maxPods: 110}}}\n--X--\n")


class Groups(Account):
    shape = {"old_nodes": "none"}
    speed = 5.0

    def setUp(self) -> None:
        self.role: str = self.ids["old_node_role_arn"]
        self.subnets = list(self.ids["private_subnets"].values())

    def template(self, name: str, **data: Any) -> dict[str, str]:
        if "UserData" in data:
            data["UserData"] = base64.b64encode(data["UserData"].encode()).decode()
        self.call("ec2", "CreateLaunchTemplate", LaunchTemplateName=name, LaunchTemplateData=data)
        self.addCleanup(self.call, "ec2", "DeleteLaunchTemplate", LaunchTemplateName=name)
        return {"name": name}

    def request(self, name: str, **more: Any) -> dict[str, Any]:
        return {"clusterName": "sandbox", "nodegroupName": name, "nodeRole": self.role, "subnets": self.subnets,
                "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 1}, **more}

    def described(self, name: str) -> dict[str, Any]:
        return self.call("eks", "DescribeNodegroup", clusterName="sandbox", nodegroupName=name)["nodegroup"]

    def names(self) -> list[str]:
        return self.call("eks", "ListNodegroups", clusterName="sandbox")["nodegroups"]

    def forget(self, name: str) -> None:
        if name in self.names():
            self.call("eks", "DeleteNodegroup", clusterName="sandbox", nodegroupName=name)

    def delete(self, name: str) -> None:
        self.forget(name)
        self.until(lambda: name not in self.names())

    def made(self, name: str, **more: Any) -> dict[str, Any]:
        created = self.call("eks", "CreateNodegroup", **self.request(name, **more))["nodegroup"]
        self.addCleanup(self.forget, name)
        self.assertEqual(created["status"], "CREATING")
        self.until(lambda: self.described(name)["status"] != "CREATING")
        return self.described(name)

    def group(self, nodegroup: dict[str, Any]) -> dict[str, Any]:
        name = nodegroup["resources"]["autoScalingGroups"][0]["name"]
        return self.call("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

    def own_template(self, nodegroup: dict[str, Any]) -> dict[str, Any]:
        spec = self.group(nodegroup)["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
        return self.call("ec2", "DescribeLaunchTemplateVersions", LaunchTemplateId=spec["LaunchTemplateId"],
                         Versions=[spec["Version"]])["LaunchTemplateVersions"][0]["LaunchTemplateData"]

    def user_data(self, nodegroup: dict[str, Any]) -> str:
        return base64.b64decode(self.own_template(nodegroup)["UserData"]).decode()

    def test_without_a_launch_template(self) -> None:
        found = self.made("plain", diskSize=33, tags={"a": "b"}, remoteAccess={
            "ec2SshKey": "ops", "sourceSecurityGroups": [self.ids["cluster_security_group"]]})
        self.assertEqual((found["amiType"], found["instanceTypes"], found["diskSize"], found["capacityType"]),
                         ("AL2023_x86_64_STANDARD", ["t3.medium"], 33, "ON_DEMAND"))
        self.assertEqual((found["updateConfig"], found["nodeRepairConfig"]), ({"maxUnavailable": 1}, {"enabled": False}))
        self.assertNotIn("launchTemplate", found)
        data = self.own_template(found)
        self.assertEqual(data["SecurityGroupIds"], [self.ids["cluster_security_group"],
                                                    found["resources"]["remoteAccessSecurityGroup"]])
        self.assertEqual((data["KeyName"], data["MetadataOptions"]["HttpPutResponseHopLimit"]), ("ops", 2))
        self.assertEqual(data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"], 33)
        group = self.group(found)
        tags = {t["Key"]: t["Value"] for t in group["Tags"]}
        self.assertEqual((tags["eks:nodegroup-name"], tags["kubernetes.io/cluster/sandbox"],
                          tags["k8s.io/cluster-autoscaler/sandbox"]), ("plain", "owned", "owned"))
        self.assertNotIn("a", tags)
        profile = data["IamInstanceProfile"]["Arn"].split("/")[-1]
        self.assertEqual(self.call("iam", "GetInstanceProfile", InstanceProfileName=profile)["InstanceProfile"]["Roles"][0][
            "Arn"], self.role)

    def test_with_a_launch_template_and_spot(self) -> None:
        given = self.template("mine", UserData=_SHELL, SecurityGroupIds=[self.ids["cluster_security_group"]],
                              TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "x"}]}])
        found = self.made("spot", launchTemplate=given, instanceTypes=["m5.large", "m5a.large"], capacityType="SPOT",
                          labels={"tier": "web"}, taints=[{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}],
                          updateConfig={"maxUnavailablePercentage": 20})
        self.assertEqual((found["launchTemplate"]["name"], found["launchTemplate"]["version"]), ("mine", "1"))
        self.assertEqual((found["capacityType"], found["labels"], found["updateConfig"]),
                         ("SPOT", {"tier": "web"}, {"maxUnavailablePercentage": 20}))
        self.assertNotIn("diskSize", found)
        text = self.user_data(found)
        self.assertLess(text.index("echo proxy"), text.index("maxPods: 110"))
        self.assertLess(text.index("maxPods: 110"), text.index("maxPods: 29"))
        own = yaml.safe_load(text.rsplit("---\n", 1)[1].split("\n--//")[0])["spec"]["kubelet"]
        labels = dict(pair.split("=") for pair in own["flags"][0].removeprefix("--node-labels=").split(","))
        self.assertEqual((labels["tier"], labels["eks.amazonaws.com/capacityType"], labels["eks.amazonaws.com/nodegroup"]),
                         ("web", "SPOT", "spot"))
        self.assertEqual(labels["eks.amazonaws.com/sourceLaunchTemplateId"], found["launchTemplate"]["id"])
        self.assertEqual(own["flags"][1], "--register-with-taints=k=v:NoSchedule")
        instance = self.call("ec2", "DescribeInstances", InstanceIds=[self.group(found)["Instances"][0]["InstanceId"]])[
            "Reservations"][0]["Instances"][0]
        self.assertEqual(instance["InstanceLifecycle"], "spot")
        tags = {t["Key"]: t["Value"] for t in instance["Tags"]}
        self.assertEqual((tags["team"], tags["eks:nodegroup-name"]), ("x", "spot"))

    def test_security_groups_of_the_template_replace_the_clusters(self) -> None:
        own = self.call("ec2", "CreateSecurityGroup", GroupName="own", Description="own", VpcId=self.ids["vpc_id"])["GroupId"]
        found = self.made("groups", launchTemplate=self.template("own-groups", NetworkInterfaces=[
            {"DeviceIndex": 0, "Groups": [own]}]))
        self.assertEqual(self.own_template(found)["NetworkInterfaces"][0]["Groups"], [own])
        self.assertNotIn("SecurityGroupIds", self.own_template(found))
        bare = self.made("bare", launchTemplate=self.template("bare", NetworkInterfaces=[{"DeviceIndex": 0}]))
        self.assertEqual(self.own_template(bare)["NetworkInterfaces"][0]["Groups"], [self.ids["cluster_security_group"]])

    def test_with_an_image_id_eks_merges_nothing(self) -> None:
        image = next(i.id for i in amis.images() if "al2023-x86_64-standard-1.34" in i.name)
        found = self.made("own", launchTemplate=self.template("image", ImageId=image, InstanceType="m5.large",
                                                              UserData="as it is"))
        self.assertEqual((found["amiType"], found["releaseVersion"]), ("CUSTOM", image))
        self.assertNotIn("instanceTypes", found)
        self.assertEqual(self.user_data(found), "as it is")

    def test_bottlerockets_user_data_overrides_eks(self) -> None:
        given = self.template("toml", UserData='[settings.kubernetes]\nmax-pods = 20\n[settings.kubernetes.node-labels]\n'
                                               'own = "x"\n[settings.ntp]\ntime-servers = ["a", "b"]\n')
        found = self.made("rocket", amiType="BOTTLEROCKET_x86_64", instanceTypes=["m5.large"], launchTemplate=given,
                          taints=[{"key": "k", "effect": "NO_EXECUTE"}])
        import tomllib

        settings = tomllib.loads(self.user_data(found))["settings"]
        kubernetes = settings["kubernetes"]
        self.assertEqual((kubernetes["max-pods"], kubernetes["cluster-name"]), (20, "sandbox"))
        self.assertEqual((kubernetes["node-labels"]["own"], kubernetes["node-labels"]["eks.amazonaws.com/nodegroup"]),
                         ("x", "rocket"))
        self.assertEqual((kubernetes["node-taints"], settings["ntp"]), ({"k": [":NoExecute"]}, {"time-servers": ["a", "b"]}))
        self.assertEqual(found["releaseVersion"], f"{amis.BOTTLEROCKET}-0a1b2c3d")

    def test_what_eks_refuses(self) -> None:
        image = amis.images()[0].id

        def refused(text: str, code: str = "InvalidParameterException", **more: Any) -> None:
            self.assertIn(text, self.refused(code, "eks", "CreateNodegroup", **self.request("no", **more)))

        refused("Disk size must be specified within the launch template.", launchTemplate=self.template("t1"), diskSize=20)
        refused("Remote access configuration cannot be specified with a launch template.",
                launchTemplate=self.template("t2"), remoteAccess={"ec2SshKey": "k"})
        refused("should not specify an instance profile", launchTemplate=self.template(
            "t3", IamInstanceProfile={"Name": "sandbox-old-nodes"}))
        refused("should not specify a subnet", launchTemplate=self.template("t4", NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": self.subnets[0]}]))
        refused("InstanceInitiatedShutdownBehavior", launchTemplate=self.template(
            "t5", InstanceInitiatedShutdownBehavior="stop"))
        refused("HibernationOptions", launchTemplate=self.template("t6", HibernationOptions={"Configured": False}))
        refused("Cannot specify instance types in launch template", "InvalidRequestException",
                launchTemplate=self.template("t7", InstanceType="m5.large"), instanceTypes=["m5.large"])
        refused("AMI Type other than CUSTOM", launchTemplate=self.template("t8", ImageId=image),
                amiType="AL2023_x86_64_STANDARD")
        refused("You cannot specify a kubernetes version", launchTemplate=self.template("t9", ImageId=image), version="1.34")
        refused("is not a valid instance type for requested amiType", instanceTypes=["m6g.large"])
        refused("do not exist", instanceTypes=["m5.tiny"])
        refused("reserved prefixes", labels={"eks.amazonaws.com/x": "y"})
        refused("not both", updateConfig={"maxUnavailable": 1, "maxUnavailablePercentage": 2})
        refused("cannot be found", nodeRole=self.role + "-none")
        refused("trust relationships", nodeRole="arn:aws:iam::123456789012:role/sandbox-cluster")
        refused("desired capacity 3", scalingConfig={"minSize": 1, "maxSize": 2, "desiredSize": 3})

    def test_user_data_that_is_not_mime_fails_the_group(self) -> None:
        found = self.made("script", launchTemplate=self.template("script", UserData="#!/bin/sh\necho hello\n"))
        self.assertEqual(found["status"], "CREATE_FAILED")
        self.assertEqual(found["health"]["issues"], [{"code": "Ec2LaunchTemplateInvalidConfiguration", "resourceIds": [],
                                                      "message": "User data was not in the MIME multipart format."}])

    def test_instances_that_do_not_start_fail_the_group(self) -> None:
        for _ in range(20):
            self.fault("autoscaling", "us-west-2a", "launch_failure")
        self.addCleanup(self.world.faults.clear)
        found = self.made("full", subnets=self.subnets[:1])
        self.assertEqual((found["status"], found["health"]["issues"][0]["code"]),
                         ("CREATE_FAILED", "AsgInstanceLaunchFailures"))
        self.assertIn("Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have "
                      "sufficient t3.medium capacity", found["health"]["issues"][0]["message"])

    def test_labels_and_taints_change_for_nodes_to_come(self) -> None:
        self.made("changing", labels={"a": "1"}, taints=[{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}])
        self.call("eks", "UpdateNodegroupConfig", clusterName="sandbox", nodegroupName="changing",
                  labels={"addOrUpdateLabels": {"b": "2"}, "removeLabels": ["a"]},
                  taints={"addOrUpdateTaints": [{"key": "n", "effect": "NO_EXECUTE"}],
                          "removeTaints": [{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}]},
                  nodeRepairConfig={"enabled": True}, updateConfig={"maxUnavailable": 2})
        self.until(lambda: self.described("changing")["status"] == "ACTIVE")
        found = self.described("changing")
        self.assertEqual((found["labels"], found["taints"]), ({"b": "2"}, [{"key": "n", "effect": "NO_EXECUTE"}]))
        self.assertEqual((found["nodeRepairConfig"], found["updateConfig"]), ({"enabled": True}, {"maxUnavailable": 2}))
        text = self.user_data(found)
        self.assertTrue("b=2" in text and "a=1" not in text and "--register-with-taints=n:NoExecute" in text)

    def test_the_roles_access_entry_goes_with_its_last_group(self) -> None:
        entries = self.world.home.clusters["sandbox"].entries
        self.until(lambda: not self.names())  # of other tests
        entries.pop(self.role, None)
        first = self.made("first")
        self.made("second")
        self.assertEqual(entries[self.role].kind, "EC2_LINUX")
        own = self.group(first)["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
        self.delete("first")
        self.assertIn(self.role, entries)
        self.refused("InvalidLaunchTemplateId.NotFound", "ec2", "DescribeLaunchTemplateVersions",
                     LaunchTemplateId=own["LaunchTemplateId"])
        self.delete("second")
        self.assertNotIn(self.role, entries)
        self.refused("NoSuchEntity", "iam", "GetInstanceProfile", InstanceProfileName=own["LaunchTemplateName"])

    def test_cloudformation_owns_one(self) -> None:
        body = """
Parameters: { Role: { Type: String }, Subnet: { Type: String }, Size: { Type: Number }, Text: { Type: String } }
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: { LaunchTemplateData: { UserData: !Base64 { Ref: Text } } }
  Group:
    Type: AWS::EKS::Nodegroup
    Properties:
      ClusterName: sandbox
      NodegroupName: stacked
      NodeRole: !Ref Role
      Subnets: [!Ref Subnet]
      InstanceTypes: [m5.large]
      ScalingConfig: { MinSize: "1", MaxSize: 3, DesiredSize: !Ref Size }
      Labels: { Team: A }
      Taints: [{ Key: k, Value: v, Effect: NO_SCHEDULE }]
      LaunchTemplate: { Id: !Ref Template, Version: !GetAtt Template.LatestVersionNumber }
      Tags: { owner: me }
Outputs:
  Arn: { Value: !GetAtt Group.Arn }
"""
        def stack(name: str) -> dict[str, Any]:
            return self.call("cloudformation", "DescribeStacks", StackName=name)["Stacks"][0]

        values = {"Role": self.role, "Subnet": self.subnets[0], "Size": "1", "Text": _SHELL}

        def rows(**more: str) -> list[dict[str, str]]:
            return [{"ParameterKey": k, "ParameterValue": v} for k, v in {**values, **more}.items()]

        self.call("cloudformation", "CreateStack", StackName="groups", TemplateBody=body, Parameters=rows())
        self.until(lambda: stack("groups")["StackStatus"] != "CREATE_IN_PROGRESS")
        self.assertEqual(stack("groups")["StackStatus"], "CREATE_COMPLETE")
        found = self.described("stacked")
        self.assertEqual((found["labels"], found["taints"][0]["key"], found["tags"]["owner"]), ({"Team": "A"}, "k", "me"))
        self.assertEqual(stack("groups")["Outputs"][0]["OutputValue"], found["nodegroupArn"])
        self.call("cloudformation", "UpdateStack", StackName="groups", UsePreviousTemplate=True, Parameters=rows(Size="2"))
        self.until(lambda: stack("groups")["StackStatus"] == "UPDATE_COMPLETE")
        self.assertEqual(self.described("stacked")["scalingConfig"]["desiredSize"], 2)
        self.call("cloudformation", "DeleteStack", StackName="groups")
        self.until(lambda: "stacked" not in self.names())
        self.call("cloudformation", "CreateStack", StackName="bad", TemplateBody=body, Parameters=rows(Text="#!/bin/sh"))
        self.until(lambda: stack("bad")["StackStatus"] == "ROLLBACK_COMPLETE")
        events = self.call("cloudformation", "DescribeStackEvents", StackName="bad")
        while events.get("NextToken") and not any("stabilize" in e.get("ResourceStatusReason", "")
                                                  for e in events["StackEvents"]):
            events = self.call("cloudformation", "DescribeStackEvents", StackName="bad", NextToken=events["NextToken"])
        reasons = [e.get("ResourceStatusReason", "") for e in events["StackEvents"]]
        self.assertTrue(any("failed to stabilize: [{Code: Ec2LaunchTemplateInvalidConfiguration,Message: User data was not in "
                            "the MIME multipart format." in r for r in reasons), reasons)


class Merge(unittest.TestCase):
    cluster = Cluster("c", "arn", "1.34", "https://e", "Y2E=", "role", "172.20.0.0/16", "ipv4", "API", False)

    def test_al2_runs_bootstrap_last(self) -> None:
        text = eks_user_data.merged("al2", self.cluster, eks_user_data.Kubelet(20, {"a": "b"}), _SHELL)
        self.assertLess(text.index("echo proxy"), text.index("/etc/eks/bootstrap.sh c --kubelet-extra-args "
                                                             "'--node-labels=a=b --max-pods=20'"))
        self.assertIn("--use-max-pods false", text)

    def test_toml_survives_a_merge(self) -> None:
        import tomllib

        given = '[settings.host-containers.admin]\nenabled = true\n[settings.kubernetes.kube-reserved]\ncpu = "10m"\n' \
                '[settings.kernel.sysctl]\n"vm.max_map_count" = "1"\n'
        text = eks_user_data.merged("bottlerocket", self.cluster, eks_user_data.Kubelet(20, {"a.b/c": "d"}), given)
        found = tomllib.loads(text)["settings"]
        self.assertEqual((found["host-containers"], found["kernel"]), ({"admin": {"enabled": True}},
                                                                       {"sysctl": {"vm.max_map_count": "1"}}))
        self.assertEqual(found["kubernetes"]["node-labels"], {"a.b/c": "d"})


class MaxPods(Account):
    shape = {"old_nodes": "none"}
    speed = 5.0

    def test_the_recommended_number_follows_aws_nodes_settings(self) -> None:
        from sandbox_aws.world import Context

        custom, prefixes = {"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true"}, {"ENABLE_PREFIX_DELEGATION": "true"}
        context = Context(self.world, "eks", "", "us-west-2")
        for types, env, expected in (
                (["m5.large"], {}, 29), (["m5.large"], custom, 20), (["m5.large"], prefixes, 110),
                (["t3.small"], custom | prefixes, 98), (["m5.4xlarge", "m5.large"], custom, 20), (["m5.24xlarge"], {}, 250),
                (["m4.large"], prefixes, 20), (["m5.large"], {"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "no"}, 29)):
            with self.subTest(types=types, env=env):
                self.assertEqual(eks_max_pods.recommended(context, types, env), expected)


if __name__ == "__main__":
    unittest.main()
