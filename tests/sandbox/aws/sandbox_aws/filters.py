"""EC2's filters, evaluated on the items of a response.

"Filter names are case-sensitive; values may hold the wildcards * and ?" (Filtering, EC2 user guide).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .errors import AwsError


@lru_cache(maxsize=2048)
def _wild(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\\.|\*|\?)", pattern)
    text = "".join(".*" if p == "*" else "." if p == "?" else re.escape(p[1:]) if p.startswith("\\") and len(p) == 2
                   else re.escape(p) for p in parts)
    return re.compile(text, re.DOTALL)


def values_at(item: Any, path: str) -> list[str]:
    """All values at a dotted path; lists on the way are traversed."""
    found = [item]
    for part in path.split("."):
        step: list[Any] = []
        for value in found:
            value = value.get(part) if isinstance(value, dict) else None
            step += value if isinstance(value, list) else [] if value is None else [value]
        found = step
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in found]


def _tags(item: dict[str, Any]) -> dict[str, str]:
    return {t["Key"]: t.get("Value", "") for t in item.get("Tags", [])}


def matches(item: dict[str, Any], wanted: list[dict[str, Any]], names: dict[str, str]) -> bool:
    return all(_one(item, f["Name"], f.get("Values", []), names) for f in wanted)


def _one(item: dict[str, Any], name: str, values: list[str], names: dict[str, str]) -> bool:
    if name.startswith("tag:"):
        tags = _tags(item)
        have = [tags[name[4:]]] if name[4:] in tags else []
    elif name == "tag-key":
        have = list(_tags(item))
    elif name == "tag-value":
        have = list(_tags(item).values())
    else:
        have = [v for path in names[name].split("|") for v in values_at(item, path)]
    return any(_wild(str(v)).fullmatch(h) for v in values for h in have)


def check(wanted: list[dict[str, Any]], names: dict[str, str]) -> None:
    for one in wanted:
        name = one.get("Name", "null")
        if not (name in names or name.startswith("tag:") or name in ("tag-key", "tag-value")):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not one.get("Values"):
            raise AwsError("InvalidParameterValue", f"The filter '{name}' must have at least one value")
