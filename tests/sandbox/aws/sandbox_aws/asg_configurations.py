"""Launch configurations, the older form of launch templates: they can't change, and accounts made since 2023 have none
("Auto Scaling launch configurations", Auto Scaling user guide)."""

from __future__ import annotations

from typing import Any

from . import ec2_instances, paging
from .asg_model import groups, now
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context

# Members that RunInstances has under the same name.
_SAME = ("ImageId", "InstanceType", "KeyName", "UserData", "BlockDeviceMappings", "EbsOptimized", "MetadataOptions")


def _all(context: Context) -> dict[str, dict[str, Any]]:
    return context.world.regions[context.region].configurations


def require(context: Context, name: str) -> dict[str, Any]:
    found = _all(context).get(name)
    if found is None:
        raise AwsError("ValidationError", f"Launch configuration name not found - Launch configuration {name} not found")
    return found


def launch_data(context: Context, name: str) -> dict[str, Any]:
    """What RunInstances is given."""
    row = require(context, name)
    data = {k: row[k] for k in _SAME if row.get(k) not in (None, "", [])}
    profile = row.get("IamInstanceProfile")
    if profile:
        data["IamInstanceProfile"] = {"Arn" if profile.startswith("arn:") else "Name": profile}
    data["Monitoring"] = {"Enabled": row["InstanceMonitoring"]["Enabled"]}
    if row.get("SpotPrice"):
        data["InstanceMarketOptions"] = {"MarketType": "spot"}
    if row.get("PlacementTenancy"):
        data["Placement"] = {"Tenancy": row["PlacementTenancy"]}
    if "AssociatePublicIpAddress" in row:
        data["NetworkInterfaces"] = [{"DeviceIndex": 0, "Groups": row["SecurityGroups"],
                                      "AssociatePublicIpAddress": row["AssociatePublicIpAddress"]}]
    else:
        data["SecurityGroupIds"] = row["SecurityGroups"]
    return data


@implements("autoscaling", "CreateLaunchConfiguration")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["LaunchConfigurationName"]
    if name in _all(context):
        raise AwsError("AlreadyExists", f"Launch Configuration by this name already exists - A launch configuration already "
                                        f"exists with the name {name}")
    if not params.get("ImageId") or not params.get("InstanceType"):
        raise AwsError("ValidationError", "Valid requests must contain either the InstanceID parameter or both the ImageId "
                                          "and InstanceType parameters.")
    ec2_instances._check_image(ec2(context), params["ImageId"], params["InstanceType"])
    _all(context)[name] = {
        "SecurityGroups": [], "UserData": "", "KeyName": "", "KernelId": "", "RamdiskId": "", "BlockDeviceMappings": [],
        "InstanceMonitoring": {"Enabled": True}, "EbsOptimized": False, "ClassicLinkVPCSecurityGroups": [], **params,
        "CreatedTime": now(), "LaunchConfigurationARN":
            f"arn:aws:autoscaling:{context.region}:{context.account}:launchConfiguration:1:launchConfigurationName/{name}"}
    return {}


@implements("autoscaling", "DescribeLaunchConfigurations")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = params.get("LaunchConfigurationNames")
    rows = [row for name, row in sorted(_all(context).items()) if not names or name in names]
    rows, token = paging.page(params, rows, ("configurations", repr(names)), size="MaxRecords")
    return {"LaunchConfigurations": rows, **({"NextToken": token} if token else {})}


@implements("autoscaling", "DeleteLaunchConfiguration")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["LaunchConfigurationName"]
    require(context, name)
    if any(g.configuration == name for g in groups(context).values()):
        raise AwsError("ResourceInUse", f"Cannot delete launch configuration {name} because it is attached to an "
                                        "AutoScalingGroup")
    del _all(context)[name]
    return {}
