"""Runs cfn-lint on a template in addition to the engine: it has CloudFormation's own schemas of the properties.

It takes seconds, so it runs in a thread of its own, and the result is cached by the template's text. What differs between
clusters of the same shape (ids, addresses, certificates, generated names) is replaced by a fixed text of the same format:
it is in the templates of node groups, and the cache would never have them otherwise.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import threading
from pathlib import Path

# Rules of cfn-lint for what CloudFormation itself rejects when it creates a resource.
_SCHEMA_RULES = ("E3001", "E3002", "E3003", "E3004", "E3012", "E3014", "E3017", "E3018", "E3020", "E3021", "E3030",
                 "E3031", "E3032", "E3033", "E3034", "E3037", "E3039", "E3040", "E1150", "E1152", "E1153")


_VARIABLE = (
    (re.compile(r"\b(ami|eni|lt|sg|subnet|vpc)-(?:[0-9a-f]{17}|[0-9a-f]{8})\b"), r"\1-00000000000000000"),
    (re.compile(r"https?://[^\s\"']+"), "https://address"),
    (re.compile(r"[A-Za-z0-9+/]{100,}={0,2}"), "base64"),
    (re.compile(r"-[A-Z0-9]{12}\b"), "-GENERATEDXXX"),
)


def common(body: str) -> str:
    """The template as clusters of the same shape have it in common."""
    for pattern, text in _VARIABLE:
        body = pattern.sub(text, body)
    return body


class Check:
    """The result, {logical id: message}, once it is ready."""

    def __init__(self) -> None:
        self.ready = False
        self.errors: dict[str, str] = {}


_known: dict[str, Check] = {}
_lock = threading.Lock()


def _cache() -> Path:
    for folder in (Path(sys.prefix) / "cfn-lint-verdicts", Path(tempfile.gettempdir()) / "sandbox-cfn-lint-verdicts"):
        try:
            folder.mkdir(exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp())


def start(body: str, region: str) -> Check:
    body = common(body)
    key = hashlib.sha256(f"{region}\0{body}".encode()).hexdigest()
    with _lock:
        if key in _known:
            return _known[key]
        check = _known[key] = Check()
    file = _cache() / f"{key}.json"
    try:
        check.errors = json.loads(file.read_text())
        check.ready = True
    except (OSError, ValueError):
        threading.Thread(target=_run, args=(check, body, region, file), daemon=True).start()
    return check


def _run(check: Check, body: str, region: str, file: Path) -> None:
    try:
        check.errors = errors(body, region)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(check.errors))
        os.replace(part, file)
    except Exception as error:  # a crash of cfn-lint is not an error of the template
        print(f"cfn-lint: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        check.ready = True


def errors(body: str, region: str) -> dict[str, str]:
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    found: dict[str, str] = {}
    for match in lint(body, config=ManualArgs(regions=[region], ignore_checks=["W", "I"])):
        path = list(match.path)
        if match.rule.id in _SCHEMA_RULES and path[:1] == ["Resources"] and len(path) > 1:
            where = "/".join(str(p) for p in path[3:])
            found.setdefault(str(path[1]), f"#/{where}: {match.message}")
    return found
