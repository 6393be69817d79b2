"""Checks a request's parameters against botocore's model of the API, as the services do."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from botocore.validate import ParamValidator

from .errors import AwsError, missing, validation

# Java's character classes in the models' patterns, for Python's re (good enough for letters and digits).
_JAVA = {r"\p{L}": "A-Za-z\u00aa-\u00ff\u0100-\uffff", r"\p{N}": r"\d", r"\p{Z}": r"\s", r"\p{P}": r"!-/:-@\[-`{-~",
         r"\p{M}": r"\u0300-\u036f", r"\p{S}": r"$+<=>^`|~", r"\p{Alnum}": "a-zA-Z0-9", r"\p{ASCII}": r"\x00-\x7f",
         r"\p{Graph}": r"!-~", r"\p{Print}": r" -~", r"\p{Alpha}": "a-zA-Z", r"\p{Digit}": "0-9"}


@lru_cache(maxsize=512)
def _pattern(pattern: str) -> re.Pattern[str] | None:
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def check(call: Any) -> None:
    shape = call.model.input_shape
    if shape is None:
        return
    errors = ParamValidator().validate(call.params, shape)
    if errors.has_errors():
        kind, name, additional = errors._errors[0]
        if kind == "missing required field":
            raise missing(call.service, additional["required_name"])
        raise validation(call.service, errors.generate_report())
    found: list[str] = []
    _walk(shape, call.params, "", found)
    if found:
        if call.service == "ec2":
            raise AwsError("InvalidParameterValue", found[0])
        several = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise validation(call.service, several + "; ".join(found))


def _walk(shape: Any, value: Any, path: str, found: list[str]) -> None:
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                _walk(member, value[name], f"{path}.{_lower(name)}" if path else _lower(name), found)
        return
    limits = shape.metadata
    if shape.type_name == "list":
        _length(limits, value, path, found)
        for index, item in enumerate(value):
            _walk(shape.member, item, f"{path}.{index + 1}.member", found)
    elif shape.type_name == "map":
        _length(limits, value, path, found)
        for key, item in value.items():
            _walk(shape.key, key, path, found)
            _walk(shape.value, item, f"{path}.{key}.member", found)
    elif shape.type_name == "string":
        _length(limits, value, path, found)
        allowed = limits.get("enum")
        if allowed and value not in allowed:
            found.append(_said(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"))
        pattern = _pattern(limits["pattern"]) if limits.get("pattern") else None
        if pattern and not pattern.fullmatch(value):
            found.append(_said(value, path, "Member must satisfy regular expression pattern: " + limits["pattern"]))
    elif shape.type_name in ("integer", "long", "float", "double"):
        if "min" in limits and value < limits["min"]:
            found.append(_said(value, path, f"Member must have value greater than or equal to {limits['min']}"))
        if "max" in limits and value > limits["max"]:
            found.append(_said(value, path, f"Member must have value less than or equal to {limits['max']}"))


def _length(limits: dict[str, Any], value: Any, path: str, found: list[str]) -> None:
    if "min" in limits and len(value) < limits["min"]:
        found.append(_said(value, path, f"Member must have length greater than or equal to {limits['min']}"))
    if "max" in limits and len(value) > limits["max"]:
        found.append(_said(value, path, f"Member must have length less than or equal to {limits['max']}"))


def _said(value: Any, path: str, what: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {what}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
