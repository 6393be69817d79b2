"""Identity-based policies: whether one of them allows the call.

Logic: "Policy evaluation logic", IAM user guide. An explicit Deny wins, then any Allow; otherwise the call is denied.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=4096)
def _glob(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _any(patterns: Any, value: str, ignore_case: bool = False) -> bool:
    return any(_glob(str(p), ignore_case).fullmatch(value) for p in _list(patterns))


def decide(documents: list[dict[str, Any]], action: str, resources: list[str] | None,
           keys: dict[str, list[str]] | None = None) -> str:
    """"allowed", "explicitDeny" or "implicitDeny". `resources` None: unknown, so any pattern matches."""
    allowed: set[str] = set()
    wanted = set(resources or ["*"])
    for document in documents:
        for statement in _list(document.get("Statement", [])):
            if not _concerns(statement, action) or not _conditions(statement.get("Condition"), keys or {}):
                continue
            hit = {r for r in wanted if resources is None or _covers(statement, r)}
            if statement.get("Effect") == "Deny" and hit:
                return "explicitDeny"
            if statement.get("Effect") == "Allow":
                allowed |= hit
    return "allowed" if allowed == wanted else "implicitDeny"


def _concerns(statement: dict[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _any(statement["NotAction"], action, True)
    return _any(statement.get("Action", []), action, True)


def _covers(statement: dict[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not _any(statement["NotResource"], resource)
    return _any(statement.get("Resource", []), resource)


def _conditions(conditions: dict[str, Any] | None, keys: dict[str, list[str]]) -> bool:
    known = {k.lower(): v for k, v in keys.items()}
    return all(_holds(operator, known.get(key.lower()), [str(v) for v in _list(wanted)])
               for operator, block in (conditions or {}).items() for key, wanted in block.items())


def _holds(operator: str, have: list[str] | None, wanted: list[str]) -> bool:
    quantifier, _, rest = operator.rpartition(":")
    optional = rest.endswith("IfExists")
    rest = rest.removesuffix("IfExists")
    if rest == "Null":
        return (have is None) == (wanted[0].lower() == "true")
    if have is None:
        return optional or quantifier == "ForAllValues" or "Not" in rest
    negated, test = _test(rest)
    hits = [any(test(h, w) for w in wanted) != negated for h in have]
    return any(hits) if quantifier == "ForAnyValue" else all(hits)


def _test(operator: str) -> tuple[bool, Any]:
    negated = "Not" in operator
    kind = operator.replace("Not", "")
    if kind in ("StringLike", "ArnLike", "ArnEquals"):
        return negated, lambda h, w: bool(_glob(w, False).fullmatch(h))
    if kind == "StringEqualsIgnoreCase":
        return negated, lambda h, w: h.lower() == w.lower()
    if kind == "IpAddress":
        return negated, lambda h, w: ipaddress.ip_address(h) in ipaddress.ip_network(w)
    if kind.startswith("Numeric"):
        compare = {"NumericEquals": float.__eq__, "NumericLessThan": float.__lt__, "NumericGreaterThan": float.__gt__,
                   "NumericLessThanEquals": float.__le__, "NumericGreaterThanEquals": float.__ge__}[kind]
        return negated, lambda h, w: compare(float(h), float(w))
    return negated, lambda h, w: h.lower() == w.lower() if kind == "Bool" else h == w
