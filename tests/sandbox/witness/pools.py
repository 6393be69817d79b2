"""Every Auto Scaling group of the cluster with what a replacement must have, as JSON. It reads AWS's own APIs and shares no
code with the program.

What AWS and EKS put there themselves is left out: reserved tags, labels of EKS, the bootstrap part of user data.
"""

import base64
import gzip
import json
import os
import re
import sys

import botocore.session
import yaml

session = botocore.session.get_session()
cluster = os.environ["ENI_CUSTOM_CLUSTER"]
# Set by AWS, by the tools that made the group, or different on each group.
RESERVED_TAGS = re.compile(r"aws:|eks:|eni-custom[:/]|Name$|kubernetes\.io/cluster/")
BOOTSTRAP = "/etc/eks/bootstrap.sh"


def client(service):
    return session.create_client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


ec2, eks, autoscaling, iam = client("ec2"), client("eks"), client("autoscaling"), client("iam")


def pages(api, operation, key, **arguments):
    if not api.can_paginate(operation):
        return getattr(api, operation)(**arguments)[key]
    return [item for page in api.get_paginator(operation).paginate(**arguments) for item in page[key]]


OF_CLUSTER = {g["GroupId"] for g in pages(ec2, "describe_security_groups", "SecurityGroups", Filters=[
    {"Name": "tag-key", "Values": [f"kubernetes.io/cluster/{cluster}"]}])}


def tags(rows):
    return {row["Key"]: row["Value"] for row in rows if not RESERVED_TAGS.match(row["Key"])}


def only(row, *names):
    return {name: row[name] for name in names if row.get(name) not in (None, "", [], {})}


def nodegroups():
    """Managed node groups by the name of their Auto Scaling group."""
    found = {}
    for name in pages(eks, "list_nodegroups", "nodegroups", clusterName=cluster):
        row = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        for group in row.get("resources", {}).get("autoScalingGroups", []):
            found[group["name"]] = row
    return found


def template(spec):
    which = only(spec, "LaunchTemplateId") or only(spec, "LaunchTemplateName")
    return ec2.describe_launch_template_versions(**which, Versions=[spec.get("Version") or "$Default"])[
        "LaunchTemplateVersions"][0]["LaunchTemplateData"]


def instance_profile(named):
    name = (named.get("Name") or named.get("Arn", "")).split("/")[-1]
    roles = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"] if name else []
    return roles[0] if roles else None


def policies(role):
    """What pods of the nodes may do: the role's policies."""
    attached = [p["PolicyArn"] for p in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role)]
    inline = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
              for name in pages(iam, "list_role_policies", "PolicyNames", RoleName=role)}
    return {"attached": sorted(attached), "inline": inline}


def image(image_id):
    found = ec2.describe_images(ImageIds=[image_id])["Images"][0]
    name, own = found["Name"], found.get("ImageOwnerAlias") != "amazon"
    family = "bottlerocket" if name.startswith("bottlerocket") else "al2023" if "al2023" in name else "al2"
    variant = next((v for v in ("nvidia", "neuron", "gpu", "fips") if v in name), "standard")
    return {"family": family, "architecture": found["Architecture"], "variant": variant, **({"id": image_id} if own else {})}


def mime_parts(text):
    found = re.search(r'content-type:\s*multipart/[^;]+;\s*boundary="?([^"\s;]+)"?', text, re.I)
    if not found:
        return None
    parts = re.split(rf"^--{re.escape(found[1])}(?:--)?\s*$", text, flags=re.M)[1:]
    pairs = (re.split(r"\r?\n\r?\n", part.strip("\r\n"), maxsplit=1) for part in parts if part.strip())
    return [(pair[0], pair[1] if len(pair) > 1 else "") for pair in pairs]


def user_data(text):
    """Parts in their order without those that start the kubelet, and what the kubelet gets beyond the cluster's facts."""
    if text.lstrip().startswith("[settings"):
        import tomllib

        settings = tomllib.loads(text)["settings"]
        kubernetes = settings.pop("kubernetes", {})
        ours = ("api-server", "cluster-certificate", "cluster-name", "cluster-dns-ip", "max-pods", "node-labels", "node-taints")
        return {"settings": settings, "kubernetes": {k: v for k, v in kubernetes.items() if k not in ours}}
    shell, kubelet, others = [], {}, {}
    parts = mime_parts(text)
    for header, body in parts if parts is not None else [("", text)]:
        if "application/node.eks.aws" in header or "kind: NodeConfig" in body:
            spec = (yaml.safe_load(body) or {}).get("spec", {})
            spec.pop("cluster", None)
            given = spec.pop("kubelet", {})
            flags = [f for f in given.pop("flags", []) if not f.startswith(("--node-labels", "--register-with-taints"))]
            given.pop("maxPodsExpression", None)
            kubelet.update({k: v for k, v in given.pop("config", {}).items() if k not in ("maxPods", "clusterDNS")})
            if flags:
                others["flags"] = others.get("flags", []) + flags
            others.update(spec)
        elif BOOTSTRAP not in body and body.strip():
            kind = re.search(r"content-type:\s*([^;\s]+)", header, re.I)
            shell.append([kind[1] if kind else "", body.strip()])
    return {"parts": shell, "kubelet": kubelet, "others": others}


def decoded(value):
    data = base64.b64decode(value or "")
    return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("utf-8", "replace")


def volumes_of_template(data):
    return {m["DeviceName"]: only(m["Ebs"], "VolumeSize", "VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId")
            for m in data.get("BlockDeviceMappings", []) if "Ebs" in m}


# Compared in other rows, or different on each group.
_ELSEWHERE = {"ImageId", "InstanceType", "InstanceRequirements", "UserData", "IamInstanceProfile", "SecurityGroupIds",
              "SecurityGroups", "NetworkInterfaces", "TagSpecifications", "BlockDeviceMappings", "MetadataOptions", "KeyName",
              "Monitoring", "EbsOptimized", "EnclaveOptions", "InstanceMarketOptions"}


def interfaces_of_template(data):
    """Beyond their groups: EFA, further network cards, public addresses."""
    found = [only(i, "InterfaceType", "NetworkCardIndex", "AssociatePublicIpAddress", "DeviceIndex")
             for i in data.get("NetworkInterfaces", [])]
    return [i for i in found if i != {"DeviceIndex": 0}]


def remote_access_groups():
    """EKS deletes its group for SSH with the managed node group."""
    names = pages(eks, "list_nodegroups", "nodegroups", clusterName=cluster)
    rows = [eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"] for name in names]
    return {row["resources"]["remoteAccessSecurityGroup"] for row in rows
            if row.get("resources", {}).get("remoteAccessSecurityGroup")}


OF_CLUSTER |= remote_access_groups()


def further_groups(ids):
    """Without those of the cluster by their tag: an interface may have only one of them (AWS Load Balancer Controller,
    "expected exactly one securityGroup tagged")."""
    return sorted(set(ids) - OF_CLUSTER)


def instance_facts(found):
    """What an instance is, beyond its template."""
    instance_id = found["InstanceId"]
    disks = pages(ec2, "describe_volumes", "Volumes", Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])
    interface = next(i for i in found["NetworkInterfaces"] if i["Attachment"]["DeviceIndex"] == 0)
    interfaces = pages(ec2, "describe_network_interfaces", "NetworkInterfaces",
                       NetworkInterfaceIds=[interface["NetworkInterfaceId"]])
    raw = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"].get("Value")
    return {
        "volumes": {d["Attachments"][0]["Device"]: {
            **only(d, "VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId"), "VolumeSize": d["Size"]} for d in disks},
        "volume tags": {d["Attachments"][0]["Device"]: tags(d.get("Tags", [])) for d in disks},
        "interface tags": tags(interfaces[0].get("TagSet", [])),
        "instance tags": tags(found.get("Tags", [])),
        "metadata options": only(found["MetadataOptions"], "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint",
                                 "InstanceMetadataTags", "HttpProtocolIpv6"),
        "security groups": further_groups(g["GroupId"] for g in interface["Groups"]),
        "user data": user_data(decoded(raw)),
        "launch": {**only(found, "KeyName", "EbsOptimized", "EnclaveOptions"), "monitoring": found["Monitoring"]["State"],
                   "placement": only(found["Placement"], "Tenancy", "GroupName")},
        "spot": found.get("InstanceLifecycle") == "spot"}


def group_facts(group, managed, instances):
    mixed = group.get("MixedInstancesPolicy")
    spec = mixed["LaunchTemplate"]["LaunchTemplateSpecification"] if mixed else group.get("LaunchTemplate")
    data = template(spec)
    overrides = mixed["LaunchTemplate"].get("Overrides", []) if mixed else []
    types = [[o["InstanceType"], int(o.get("WeightedCapacity", 1))] for o in overrides if "InstanceType" in o]
    requirements = [o["InstanceRequirements"] for o in overrides if "InstanceRequirements" in o]
    own = [r for r in group["Tags"] if not RESERVED_TAGS.match(r["Key"])]
    role = instance_profile(data.get("IamInstanceProfile", {}))
    # A managed group's own tags are on the node group.
    marks = {r["Key"]: r["Value"] for r in group["Tags"]} | (managed or {}).get("tags", {})
    running = [i for i in group["Instances"] if i["InstanceId"] in instances]
    zones = {}
    for one in running:
        zones[one["AvailabilityZone"]] = zones.get(one["AvailabilityZone"], 0) + int(one.get("WeightedCapacity", 1))
    distribution = mixed["InstancesDistribution"] if mixed else {}
    all_spot = data.get("InstanceMarketOptions", {}).get("MarketType") == "spot" or bool(mixed) and (
        distribution.get("OnDemandBaseCapacity", 0), distribution.get("OnDemandPercentageAboveBaseCapacity", 100)) == (0, 0)
    facts = {
        "types": types or [[data.get("InstanceType", ""), 1]], "requirements": requirements, "all spot": all_spot,
        "spot strategy": distribution.get("SpotAllocationStrategy") if all_spot else None, "image": image(data["ImageId"]),
        "role": role["Arn"] if role else None, "policies": policies(role["RoleName"]) if role else None,
        "tags": sorted([r["Key"], r["Value"], r["PropagateAtLaunch"]] for r in own),
        "template": {"volumes": volumes_of_template(data), "metadata options": data.get("MetadataOptions", {}),
                     "security groups": further_groups(data.get("SecurityGroupIds", []) or [
                         g for i in data.get("NetworkInterfaces", []) for g in i.get("Groups", [])]),
                     "user data": user_data(decoded(data.get("UserData")))},
        "interfaces": interfaces_of_template(data),
        "other template fields": {k: v for k, v in data.items() if k not in _ELSEWHERE},
        "capacity rebalance": group.get("CapacityRebalance", False)}
    return {
        "name": managed["nodegroupName"] if managed else group["AutoScalingGroupName"],
        "group": group["AutoScalingGroupName"], "managed": bool(managed),
        "replaces": marks.get("eni-custom:pool"), "eniconfig": marks.get("eni-custom:eniconfig"),
        "min": group["MinSize"], "max": group["MaxSize"], "zones": zones,
        "instances": [i["InstanceId"] for i in running], "facts": facts,
        "nodes": [instance_facts(instances[i["InstanceId"]]) for i in running]}


def main():
    managed = nodegroups()
    reservations = pages(ec2, "describe_instances", "Reservations",
                         Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])
    instances = {i["InstanceId"]: i for r in reservations for i in r["Instances"]}
    found = []
    for group in pages(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups"):
        owned = any(r["Key"] == f"kubernetes.io/cluster/{cluster}" for r in group["Tags"])
        if owned and not group.get("Status"):
            found.append(group_facts(group, managed.get(group["AutoScalingGroupName"]), instances))
    json.dump(found, sys.stdout, default=str)


main()
