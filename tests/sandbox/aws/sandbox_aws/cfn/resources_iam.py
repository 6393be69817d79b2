"""AWS::IAM::Role, InstanceProfile, Policy and ManagedPolicy."""

from __future__ import annotations

import json
from typing import Any

from ..errors import AwsError
from .resources import Job, Kind, Made, Steps, kind


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@kind("AWS::IAM::Role")
class Role(Kind):
    replaced_by = frozenset({"RoleName", "Path"})
    in_place = frozenset({"AssumeRolePolicyDocument", "Description", "PermissionsBoundary", "Tags", "ManagedPolicyArns",
                          "Policies"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        name = props.get("RoleName") or job.name()
        wanted = {"RoleName": name, "AssumeRolePolicyDocument": _document(props["AssumeRolePolicyDocument"])}
        for key in ("Path", "Description", "PermissionsBoundary"):
            if key in props:
                wanted[key] = props[key]
        tags = job.tags(props.get("Tags"), system=False)
        if tags:
            wanted["Tags"] = tags
        role = job.call("iam", "CreateRole", wanted)["Role"]
        yield job.wait("stack-resource")
        for arn in props.get("ManagedPolicyArns", []):
            job.call("iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": arn})
        for policy in props.get("Policies", []):
            job.call("iam", "PutRolePolicy", {"RoleName": name, "PolicyName": policy["PolicyName"],
                                              "PolicyDocument": _document(policy["PolicyDocument"])})
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        job.call("iam", "UpdateAssumeRolePolicy", {
            "RoleName": physical, "PolicyDocument": _document(new["AssumeRolePolicyDocument"])})
        before, after = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
        for arn in after - before:
            job.call("iam", "AttachRolePolicy", {"RoleName": physical, "PolicyArn": arn})
        for arn in before - after:
            job.call("iam", "DetachRolePolicy", {"RoleName": physical, "PolicyArn": arn})
        inline = {p["PolicyName"]: p["PolicyDocument"] for p in new.get("Policies", [])}
        for policy in old.get("Policies", []):
            if policy["PolicyName"] not in inline:
                job.call("iam", "DeleteRolePolicy", {"RoleName": physical, "PolicyName": policy["PolicyName"]})
        for name, document in inline.items():
            job.call("iam", "PutRolePolicy", {"RoleName": physical, "PolicyName": name,
                                              "PolicyDocument": _document(document)})
        tags = job.tags(new.get("Tags"), system=False)
        if tags:
            job.call("iam", "TagRole", {"RoleName": physical, "Tags": tags})
        yield job.wait("stack-resource")
        role = job.call("iam", "GetRole", {"RoleName": physical})["Role"]
        return Made(physical, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        attached = job.call("iam", "ListAttachedRolePolicies", {"RoleName": physical})["AttachedPolicies"]
        for policy in attached:
            job.call("iam", "DetachRolePolicy", {"RoleName": physical, "PolicyArn": policy["PolicyArn"]})
        for name in job.call("iam", "ListRolePolicies", {"RoleName": physical})["PolicyNames"]:
            job.call("iam", "DeleteRolePolicy", {"RoleName": physical, "PolicyName": name})
        yield job.wait("stack-resource")
        job.call("iam", "DeleteRole", {"RoleName": physical})
        return None


@kind("AWS::IAM::InstanceProfile")
class InstanceProfile(Kind):
    replaced_by = frozenset({"InstanceProfileName", "Path"})
    in_place = frozenset({"Roles"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        name = props.get("InstanceProfileName") or job.name(128)
        wanted = {"InstanceProfileName": name, **({"Path": props["Path"]} if "Path" in props else {})}
        made = job.call("iam", "CreateInstanceProfile", wanted)["InstanceProfile"]
        for role in props.get("Roles", []):
            job.call("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": role})
        # CloudFormation waits here until all services know the profile; two minutes on AWS.
        yield job.wait("stack-slow-resource")
        return Made(name, {"Arn": made["Arn"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        for role in old.get("Roles", []):
            job.call("iam", "RemoveRoleFromInstanceProfile", {"InstanceProfileName": physical, "RoleName": role})
        for role in new.get("Roles", []):
            job.call("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": physical, "RoleName": role})
        yield job.wait("stack-resource")
        made = job.call("iam", "GetInstanceProfile", {"InstanceProfileName": physical})["InstanceProfile"]
        return Made(physical, {"Arn": made["Arn"]})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        for role in props.get("Roles", []):
            try:
                job.call("iam", "RemoveRoleFromInstanceProfile", {"InstanceProfileName": physical, "RoleName": role})
            except AwsError as error:
                if error.code != "NoSuchEntity":
                    raise
        yield job.wait("stack-resource")
        job.call("iam", "DeleteInstanceProfile", {"InstanceProfileName": physical})
        return None


@kind("AWS::IAM::Policy")
class Policy(Kind):
    replaced_by = frozenset({"PolicyName"})
    in_place = frozenset({"PolicyDocument", "Roles"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        for role in props.get("Roles", []):
            job.call("iam", "PutRolePolicy", {"RoleName": role, "PolicyName": props["PolicyName"],
                                              "PolicyDocument": _document(props["PolicyDocument"])})
        yield job.wait("stack-resource")
        return Made(job.name(), {"Id": props["PolicyName"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        yield from self.create(job, new)
        for role in set(old.get("Roles", [])) - set(new.get("Roles", [])):
            job.call("iam", "DeleteRolePolicy", {"RoleName": role, "PolicyName": old["PolicyName"]})
        return Made(physical, {"Id": new["PolicyName"]})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        for role in props.get("Roles", []):
            try:
                job.call("iam", "DeleteRolePolicy", {"RoleName": role, "PolicyName": props["PolicyName"]})
            except AwsError as error:
                if error.code != "NoSuchEntity":
                    raise
        yield job.wait("stack-resource")
        return None


@kind("AWS::IAM::ManagedPolicy")
class ManagedPolicy(Kind):
    replaced_by = frozenset({"ManagedPolicyName", "Path", "Description", "PolicyDocument"})
    in_place = frozenset({"Roles"})

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        name = props.get("ManagedPolicyName") or job.name(128)
        made = job.call("iam", "CreatePolicy", {"PolicyName": name, "PolicyDocument": _document(props["PolicyDocument"])})
        yield job.wait("stack-resource")
        for role in props.get("Roles", []):
            job.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": made["Policy"]["Arn"]})
        return Made(made["Policy"]["Arn"], {"PolicyArn": made["Policy"]["Arn"]})

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        for role in set(new.get("Roles", [])) - set(old.get("Roles", [])):
            job.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": physical})
        for role in set(old.get("Roles", [])) - set(new.get("Roles", [])):
            job.call("iam", "DetachRolePolicy", {"RoleName": role, "PolicyArn": physical})
        yield job.wait("stack-resource")
        return Made(physical, {"PolicyArn": physical})

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        for role in props.get("Roles", []):
            try:
                job.call("iam", "DetachRolePolicy", {"RoleName": role, "PolicyArn": physical})
            except AwsError as error:
                if error.code != "NoSuchEntity":
                    raise
        yield job.wait("stack-resource")
        job.call("iam", "DeletePolicy", {"PolicyArn": physical})
        return None
