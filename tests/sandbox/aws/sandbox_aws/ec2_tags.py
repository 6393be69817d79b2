"""Tags that EC2 rejects from callers ("Tag restrictions", EC2 user guide)."""

from __future__ import annotations

from typing import Any

from .errors import AwsError
from .resources import EC2_MAKES

KEY, VALUE = 128, 256  # characters
# What else a create call can tag.
_MORE = {"RunInstances": {"volume", "network-interface", "spot-instances-request"},
         "CreateFleet": {"instance", "volume", "network-interface", "spot-instances-request"}}
_RULES = ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")


def check(operation: str, params: dict[str, Any]) -> None:
    specs = params.get("TagSpecifications", [])
    made = "security-group-rule" if operation in _RULES else EC2_MAKES.get(operation)
    for spec in specs if made else []:
        kind = spec.get("ResourceType")
        if kind != made and kind not in _MORE.get(operation, ()):
            raise AwsError("InvalidParameterValue",
                           f"'{kind}' is not a valid taggable resource type for this operation.")
    for tags in [s.get("Tags", []) for s in specs] + [params.get("Tags", [])]:
        _check(tags)


def _check(tags: list[dict[str, str]]) -> None:
    seen: set[str] = set()
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue",
                           f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
        if len(key) > KEY or not key:
            raise AwsError("InvalidParameterValue", f"Tag key must be 1 to {KEY} characters long: {key!r}")
        if len(value) > VALUE:
            raise AwsError("InvalidParameterValue", f"Tag value exceeds the maximum length of {VALUE} characters")
        if key in seen:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        seen.add(key)
