"""Launch templates: moto keeps them; here a version keeps every field that was given.

moto adds the template's own tags to those of its instances, ignores SourceVersion and never pages.
"""

from __future__ import annotations

import copy
from typing import Any

from . import paging
from .errors import AwsError
from .moto_patches import ec2
from .registry import implements
from .world import Context


def _template(context: Context, spec: dict[str, Any]) -> Any:
    """moto's launch template with {LaunchTemplateId|LaunchTemplateName}."""
    store = ec2(context)
    wanted, name = spec.get("LaunchTemplateId"), spec.get("LaunchTemplateName")
    if not wanted and not name:
        raise AwsError("MissingParameter", "The request must contain the parameter launchTemplateId or launchTemplateName")
    found = store.launch_templates.get(wanted or store.launch_template_name_to_ids.get(name))
    if found is None:
        kind = ("InvalidLaunchTemplateId.NotFound", "ID", wanted) if wanted else (
            "InvalidLaunchTemplateName.NotFoundException", "name", name)
        raise AwsError(kind[0], f"The specified launch template, with template {kind[1]} {kind[2]}, does not exist.")
    return found


def _version(template: Any, wanted: str) -> Any:
    special = {"$default": template.default_version_number, "$latest": template.latest_version_number}
    number = special.get(wanted.lower(), wanted)
    found = next((v for v in template.versions if str(v.number) == str(number)), None)
    if found is None:
        raise AwsError("InvalidLaunchTemplateId.VersionNotFound",
                       f"Could not find the specified version {wanted} for the launch template with ID {template.id}.")
    return found


def _shown(context: Context, template: Any, version: Any) -> dict[str, Any]:
    row = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "VersionNumber": version.number,
           "CreateTime": version.create_time, "CreatedBy": f"arn:aws:iam::{context.account}:root",
           "DefaultVersion": version.number == template.default_version_number,
           "LaunchTemplateData": copy.deepcopy(version.data)}
    if version.description:
        row["VersionDescription"] = version.description
    return row


def version_of(context: Context, spec: dict[str, Any]) -> dict[str, Any]:
    """The launch template version with {LaunchTemplateId|LaunchTemplateName, Version}, as for RunInstances."""
    template = _template(context, spec)
    return _shown(context, template, _version(template, str(spec.get("Version") or "$Default")))


def version_data(context: Context, spec: dict[str, Any]) -> dict[str, Any]:
    return version_of(context, spec)["LaunchTemplateData"]


def _given(params: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(params.get("LaunchTemplateData", {}))
    # "User data is limited to 16 KB, in raw form" (EC2 user guide).
    if len(data.get("UserData", "")) * 3 // 4 > 16384:
        raise AwsError("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    interfaces = data.get("NetworkInterfaces", [])
    if interfaces and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        raise AwsError("InvalidParameterCombination",
                       "Network interfaces and an instance-level security groups may not be specified on the same request")
    return data


@implements("ec2", "CreateLaunchTemplate")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    data = _given(params)
    answer = context.moto(params=params)
    ec2(context).launch_templates[answer["LaunchTemplate"]["LaunchTemplateId"]].versions[0].data = data
    return answer


@implements("ec2", "CreateLaunchTemplateVersion")
def create_version(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    template = _template(context, params)
    data = _given(params)
    if params.get("SourceVersion"):
        # "the new version inherits the same launch parameters as the source version, except for parameters that you
        # specify in LaunchTemplateData" (CreateLaunchTemplateVersion).
        data = {**copy.deepcopy(_version(template, str(params["SourceVersion"])).data), **data}
    version = template.create_version(data, params.get("VersionDescription"))
    version.number = max((v.number for v in template.versions[:-1]), default=0) + 1
    version.data = data
    return {"LaunchTemplateVersion": _shown(context, template, version)}


@implements("ec2", "DescribeLaunchTemplateVersions")
def describe_versions(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = [str(v) for v in params.get("Versions", [])]
    if not params.get("LaunchTemplateId") and not params.get("LaunchTemplateName"):
        # Without a template: the default or latest versions of all.
        if not wanted or any(v.lower() not in ("$latest", "$default") for v in wanted):
            raise AwsError("MissingParameter", "The request must contain the parameter launchTemplateId or "
                                               "launchTemplateName")
        found = [(t, _version(t, v)) for t in ec2(context).launch_templates.values() for v in wanted]
    else:
        template = _template(context, params)
        versions = [_version(template, v) for v in wanted] if wanted else list(reversed(template.versions))
        low, high = int(params.get("MinVersion") or 1), int(params.get("MaxVersion") or 2**31)
        found = [(template, v) for v in versions if low <= v.number <= high]
    rows = [_shown(context, t, v) for t, v in found]
    rows, token = paging.page(params, rows, ("versions", params.get("LaunchTemplateId"), params.get("LaunchTemplateName"),
                                             repr(wanted)))
    return {"LaunchTemplateVersions": rows, **({"NextToken": token} if token else {})}


@implements("ec2", "ModifyLaunchTemplate")
def modify(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    template = _template(context, params)
    template.default_version_number = _version(template, str(params["DefaultVersion"])).number
    return {"LaunchTemplate": {
        "LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "CreateTime": template.create_time,
        "CreatedBy": f"arn:aws:iam::{context.account}:root", "DefaultVersionNumber": template.default_version_number,
        "LatestVersionNumber": template.latest_version_number}}


@implements("ec2", "DeleteLaunchTemplate")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    _template(context, params)
    return context.moto(params=params)
