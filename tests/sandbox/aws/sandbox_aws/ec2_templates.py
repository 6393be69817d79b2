"""Launch templates: moto stores them; here a version is found as by RunInstances and Auto Scaling."""

from __future__ import annotations

from typing import Any

from .errors import AwsError
from .registry import implements
from .world import Context


def version_of(context: Context, spec: dict[str, Any]) -> dict[str, Any]:
    """The launch template version with {LaunchTemplateId|LaunchTemplateName, Version}."""
    if not spec.get("LaunchTemplateId") and not spec.get("LaunchTemplateName"):
        raise AwsError("MissingParameter", "The request must contain the parameter launchTemplateId or launchTemplateName")
    key = "LaunchTemplateId" if spec.get("LaunchTemplateId") else "LaunchTemplateName"
    wanted = str(spec.get("Version") or "$Default")
    try:
        answer = context.moto("DescribeLaunchTemplateVersions", {key: spec[key], "Versions": [wanted]}, "ec2")
    except AwsError as error:
        if key == "LaunchTemplateId":
            raise AwsError("InvalidLaunchTemplateId.NotFound",
                           f"The specified launch template, with template ID {spec[key]}, does not exist.") from error
        raise AwsError("InvalidLaunchTemplateName.NotFoundException",
                       f"The specified launch template, with template name {spec[key]}, does not exist.") from error
    versions = answer.get("LaunchTemplateVersions", [])
    if not versions:
        raise AwsError("InvalidLaunchTemplateId.VersionNotFound",
                       f"Could not find the specified version {wanted} for the launch template with ID {spec[key]}.")
    return versions[0]


def version_data(context: Context, spec: dict[str, Any]) -> dict[str, Any]:
    return dict(version_of(context, spec)["LaunchTemplateData"])


@implements("ec2", "CreateLaunchTemplate", "CreateLaunchTemplateVersion")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    user_data = params.get("LaunchTemplateData", {}).get("UserData", "")
    # "User data is limited to 16 KB, in raw form" (EC2 user guide).
    if len(user_data) * 3 // 4 > 16384:
        raise AwsError("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    return context.moto(params=params)
