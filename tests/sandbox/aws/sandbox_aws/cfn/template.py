"""Reads templates: JSON, or YAML with the short forms of the functions."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..errors import AwsError

SECTIONS = ("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Transform",
            "Resources", "Outputs", "Rules", "Hooks")
PSEUDO = ("AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
          "AWS::StackName", "AWS::URLSuffix")


def wrong(message: str) -> AwsError:
    return AwsError("ValidationError", message)


class _Loader(yaml.SafeLoader):
    """Dates stay text, and a duplicate key is an error, as in CloudFormation."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def _short(loader: Any, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


def _mapping(loader: Any, node: Any, deep: bool = False) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        name = loader.construct_object(key, deep=True)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f'found duplicate key "{name}"', key.start_mark)
        seen.add(name)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_Loader.add_multi_constructor("!", _short)
_Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: _mapping(loader, node, True))


def load(text: str) -> dict[str, Any]:
    if len(text.encode()) > 51200:
        raise wrong("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
                    "length less than or equal to 51200")
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise wrong(f"Template format error: YAML not well-formed.{where}") from error
    if not isinstance(found, dict):
        raise wrong("Template format error: unsupported structure.")
    unknown = [k for k in found if k not in SECTIONS]
    if unknown:
        raise wrong(f"Invalid template property or properties [{', '.join(map(str, unknown))}]")
    if not found.get("Resources"):
        raise wrong("Template format error: At least one Resources member must be defined.")
    for name, resource in found["Resources"].items():
        if not re.fullmatch(r"[A-Za-z0-9]+", str(name)):
            raise wrong(f"Template format error: Resource name {name} is non alphanumeric.")
        if not isinstance(resource, dict) or "Type" not in resource:
            raise wrong(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    _check_references(found)
    return found


def dependencies(template: dict[str, Any], name: str) -> set[str]:
    """The resources that a resource refers to by Ref, GetAtt, Sub or DependsOn."""
    resource = template["Resources"][name]
    found = set(_explicit(resource))
    found |= {r for r, _ in references(resource.get("Properties", {}))}
    return {f for f in found if f in template["Resources"] and f != name}


def _explicit(resource: dict[str, Any]) -> list[str]:
    given = resource.get("DependsOn", [])
    return [given] if isinstance(given, str) else list(given)


def references(value: Any) -> list[tuple[str, bool]]:
    """(name, by GetAtt) for every reference in a value."""
    found: list[tuple[str, bool]] = []
    if isinstance(value, list):
        for item in value:
            found += references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                found.append((item, False))
            elif key == "Fn::GetAtt" and isinstance(item, (list, str)):
                found.append(((item if isinstance(item, list) else item.split("."))[0], True))
            elif key == "Fn::Sub":
                text, own = (item[0], item[1]) if isinstance(item, list) else (item, {})
                found += references(own)
                for name in re.findall(r"\$\{([^!][^}]*)\}", text if isinstance(text, str) else ""):
                    if name.strip() not in own:
                        found.append((name.strip().split(".")[0], "." in name))
            else:
                found += references(item)
    return found


def _check_references(template: dict[str, Any]) -> None:
    known = {*template["Resources"], *template.get("Parameters", {}), *PSEUDO}
    resources = template["Resources"].values()
    bad = sorted({n for r in resources for n, _ in references(r.get("Properties", {})) if n not in known})
    bad += [n for r in resources for n in _explicit(r) if n not in template["Resources"]]
    if bad:
        raise wrong(f"Template format error: Unresolved resource dependencies [{', '.join(bad)}] in the Resources block of "
                    "the template")
    for resource in resources:
        condition = resource.get("Condition")
        if condition and condition not in template.get("Conditions", {}):
            raise wrong(f"Template format error: Unresolved condition dependency {condition} in the Resources block of the "
                        f"template")
    bad = sorted({n for o in template.get("Outputs", {}).values() for n, _ in references(o) if n not in known})
    if bad:
        raise wrong(f"Template format error: Unresolved resource dependencies [{', '.join(bad)}] in the Outputs block of "
                    "the template")
    order(template, list(template["Resources"]))


def order(template: dict[str, Any], names: list[str]) -> list[str]:
    """The names with every resource after those it depends on."""
    left, done = {n: dependencies(template, n) & set(names) for n in names}, []
    while left:
        ready = [n for n, d in left.items() if d <= set(done)]
        if not ready:
            raise wrong(f"Circular dependency between resources: [{', '.join(left)}]")
        done += ready
        for name in ready:
            del left[name]
    return done


def capabilities(template: dict[str, Any]) -> str | None:
    """The capability that the template's IAM resources require."""
    names = {"AWS::IAM::Role": "RoleName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
             "AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
    needed = None
    for resource in template["Resources"].values():
        if resource["Type"].startswith("AWS::IAM::"):
            needed = needed or "CAPABILITY_IAM"
            if names.get(resource["Type"], "") in resource.get("Properties", {}):
                return "CAPABILITY_NAMED_IAM"
    return needed
