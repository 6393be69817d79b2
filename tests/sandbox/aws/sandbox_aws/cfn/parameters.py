"""Stack parameters: types, constraints, values from SSM ("Parameters", CloudFormation user guide)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .template import wrong

_SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


def values(template: dict[str, Any], given: list[dict[str, Any]], previous: dict[str, str],
           ssm: Callable[[str], str | None]) -> tuple[dict[str, str], dict[str, Any]]:
    """(raw values by name, resolved values as Ref gives them)."""
    declared = template.get("Parameters", {})
    raw: dict[str, str] = {}
    for row in given:
        name = row.get("ParameterKey", "")
        if name not in declared:
            raise wrong(f"Parameters: [{name}] do not exist in the template")
        if row.get("UsePreviousValue"):
            if name not in previous:
                raise wrong(f"Parameters: [{name}] must have values")
            raw[name] = previous[name]
        else:
            raw[name] = row.get("ParameterValue", "")
    lacking = [n for n, d in declared.items() if n not in raw and "Default" not in d]
    if lacking:
        raise wrong(f"Parameters: [{', '.join(lacking)}] must have values")
    for name, declaration in declared.items():
        raw.setdefault(name, _text(declaration.get("Default")))
    resolved = {n: _resolve(n, declared[n], raw[n], ssm) for n in declared}
    return raw, resolved


def stored(template: dict[str, Any], given: list[dict[str, Any]]) -> list[str]:
    """Names of the SSM parameters that the stack's parameters refer to."""
    values = {r.get("ParameterKey"): r.get("ParameterValue") for r in given}
    return [_text(values.get(name) or declared.get("Default", ""))
            for name, declared in template.get("Parameters", {}).items() if _SSM.fullmatch(declared.get("Type", "String"))]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resolve(name: str, declaration: dict[str, Any], value: str, ssm: Callable[[str], str | None]) -> Any:
    kind = declaration.get("Type", "String")
    match = _SSM.fullmatch(kind)
    if match:
        found = ssm(value)
        if found is None:
            raise wrong(f"Unable to fetch parameters [{value}] from parameter store for this account.")
        kind, value = match[1], found
    else:
        _check(name, declaration, value, kind)
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [v.strip() for v in value.split(",")] if value else []
    return value


def _check(name: str, declaration: dict[str, Any], value: str, kind: str) -> None:
    items = [v.strip() for v in value.split(",")] if kind == "CommaDelimitedList" or kind.startswith("List<") else [value]
    allowed = [_text(v) for v in declaration.get("AllowedValues", [])]
    if allowed and any(v not in allowed for v in items):
        raise wrong(f"Parameter '{name}' must be one of AllowedValues")
    said = declaration.get("ConstraintDescription")
    if kind in ("Number", "List<Number>"):
        for item in items:
            if not re.fullmatch(r"-?\d+(\.\d+)?", item):
                raise wrong(f"Parameter '{name}' must be a number.")
            low, high = declaration.get("MinValue"), declaration.get("MaxValue")
            if low is not None and float(item) < float(low):
                raise wrong(said or f"Parameter '{name}' must be a number not less than {low}")
            if high is not None and float(item) > float(high):
                raise wrong(said or f"Parameter '{name}' must be a number not greater than {high}")
        return
    low, high = declaration.get("MinLength"), declaration.get("MaxLength")
    if low is not None and len(value) < int(low):
        raise wrong(said or f"Parameter '{name}' must contain at least {low} characters")
    if high is not None and len(value) > int(high):
        raise wrong(said or f"Parameter '{name}' must contain at most {high} characters")
    pattern = declaration.get("AllowedPattern")
    if pattern and any(not re.fullmatch(pattern, v) for v in items):
        raise wrong(f"Parameter {name} failed to satisfy constraint: {said or f'must match pattern {pattern}'}")


def unknown_resources(template: dict[str, Any], resolved: dict[str, Any],
                      exists: Callable[[str, str], bool]) -> list[tuple[str, str]]:
    """(parameter, value) whose AWS-specific type refers to something that does not exist."""
    bad = []
    for name, declaration in template.get("Parameters", {}).items():
        kind = re.sub(r"^List<(.+)>$", r"\1", declaration.get("Type", "String"))
        if not kind.startswith("AWS::EC2::"):
            continue
        items = resolved[name] if isinstance(resolved[name], list) else [resolved[name]]
        bad += [(name, v) for v in items if v and not exists(kind, v)]
    return bad
