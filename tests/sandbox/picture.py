"""Everything in an account and a VPC that setup may change, one line per item, to compare before and after.

Instance ids and names derived from them are left out. It reads AWS's own APIs and shares no code with the program.
"""

import json
import os

import botocore.session

session = botocore.session.get_session()


def client(service):
    return session.create_client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def pages(service, operation, key, **arguments):
    api = client(service)
    name = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
    if not api.can_paginate(name):
        return getattr(api, name)(**arguments)[key]
    return [item for page in api.get_paginator(name).paginate(**arguments) for item in page[key]]


def show(kind, name, **what):
    print(json.dumps({"kind": kind, "name": name, **what}, sort_keys=True, default=str))


def tags(thing, key="Tags"):
    return sorted((tag["Key"], tag["Value"]) for tag in thing.get(key) or [])


cluster = os.environ["ENI_CUSTOM_CLUSTER"]
eks = client("eks")
described = eks.describe_cluster(name=cluster)["cluster"]
vpc = described["resourcesVpcConfig"]["vpcId"]
in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]

for block in pages("ec2", "DescribeVpcs", "Vpcs", VpcIds=[vpc])[0]["CidrBlockAssociationSet"]:
    if block["CidrBlockState"]["State"] != "disassociated":
        show("cidr", block["CidrBlock"], state=block["CidrBlockState"]["State"])
for subnet in pages("ec2", "DescribeSubnets", "Subnets", Filters=in_vpc):
    show("subnet", subnet["SubnetId"], cidr=subnet["CidrBlock"], zone=subnet["AvailabilityZone"], tags=tags(subnet))
for table in pages("ec2", "DescribeRouteTables", "RouteTables", Filters=in_vpc):
    on = sorted(each.get("SubnetId", "main") for each in table["Associations"])
    routes = sorted(json.dumps(route, sort_keys=True) for route in table["Routes"])
    # The local route of a VPC block is created and deleted with the block.
    show("route table", table["RouteTableId"], subnets=on, routes=routes, tags=tags(table))
for group in pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=in_vpc):
    rules = sorted(json.dumps([group["IpPermissions"], group["IpPermissionsEgress"]], sort_keys=True))
    show("security group", group["GroupId"], called=group["GroupName"], rules="".join(rules), tags=tags(group))
for template in pages("ec2", "DescribeLaunchTemplates", "LaunchTemplates"):
    # Karpenter makes one for each set of settings, and deletes it when it has not been used for a while.
    if template["LaunchTemplateName"].startswith("karpenter.k8s.aws/"):
        continue
    show("launch template", template["LaunchTemplateName"], version=template["LatestVersionNumber"])
for interface in pages("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=in_vpc):
    if interface["Status"] == "available":
        show("loose interface", interface["NetworkInterfaceId"], description=interface["Description"])
for stack in pages("cloudformation", "DescribeStacks", "Stacks"):
    show("stack", stack["StackName"], status=stack["StackStatus"])
for group in pages("autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups"):
    show(
        "group",
        group["AutoScalingGroupName"],
        sizes=[group["MinSize"], group["DesiredCapacity"], group["MaxSize"]],
        suspended=sorted(each["ProcessName"] for each in group["SuspendedProcesses"]),
        tags=tags(group),
    )
for role in pages("iam", "ListRoles", "Roles"):
    show("role", role["RoleName"])
for profile in pages("iam", "ListInstanceProfiles", "InstanceProfiles"):
    show("instance profile", profile["InstanceProfileName"])
if described.get("accessConfig", {}).get("authenticationMode") != "CONFIG_MAP":
    for entry in pages("eks", "ListAccessEntries", "accessEntries", clusterName=cluster):
        of = eks.describe_access_entry(clusterName=cluster, principalArn=entry)["accessEntry"]
        show("access entry", entry, type=of["type"], groups=of["kubernetesGroups"], tags=sorted(of["tags"].items()))
for name in pages("eks", "ListAddons", "addons", clusterName=cluster):
    addon = eks.describe_addon(clusterName=cluster, addonName=name)["addon"]
    show("add-on", name, version=addon["addonVersion"], configuration=addon.get("configurationValues") or "{}",
         role=addon.get("serviceAccountRoleArn"), pod_identities=addon.get("podIdentityAssociations"))
for name in pages("eks", "ListNodegroups", "nodegroups", clusterName=cluster):
    group = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
    show("managed node group", name, sizes=group["scalingConfig"], status=group["status"])
