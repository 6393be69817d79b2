"""The interface of a resource type, and the registered types."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from ..errors import AwsError

Steps = Generator[float, None, Any]


@dataclass
class Made:
    """An existing resource: the values of Ref and GetAtt."""

    physical: str
    attributes: dict[str, Any]


@dataclass
class Job:
    """A resource that the engine processes. `call` calls AWS with the permissions of the stack's owner."""

    stack: str
    stack_id: str
    logical: str
    region: str
    account: str
    stack_tags: dict[str, str]
    token: str
    call: Callable[[str, str, dict[str, Any]], dict[str, Any]]
    wait: Callable[[str], float]  # name of a delay -> seconds
    exists: Callable[[str], None]  # the resource has this physical id from now on: a rollback deletes it

    def name(self, limit: int = 64) -> str:
        """A name as CloudFormation generates it: stack, logical id, random characters."""
        tail = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
        return f"{f'{self.stack}-{self.logical}'[:limit - 13]}-{tail}"

    def tags(self, own: Any = None, system: bool = True) -> list[dict[str, Any]]:
        """The resource's tags, the stack's, and CloudFormation's own."""
        found: dict[str, Any] = dict(self.stack_tags)
        rows = [{"Key": k, "Value": v} for k, v in own.items()] if isinstance(own, dict) else own or []
        found.update({t["Key"]: t.get("Value", "") for t in rows})
        if system:
            found.update({"aws:cloudformation:stack-name": self.stack, "aws:cloudformation:stack-id": self.stack_id,
                          "aws:cloudformation:logical-id": self.logical})
        return [{"Key": k, "Value": str(v)} for k, v in found.items()]


class Kind:
    """A resource type. The methods are generators: each yield is a wait in seconds."""

    # Properties whose change replaces the resource ("Update requires: Replacement").
    replaced_by: frozenset[str] = frozenset()
    # The other properties that are emulated.
    in_place: frozenset[str] = frozenset()

    def check(self, name: str, props: dict[str, Any]) -> None:
        """Properties that are not emulated fail the resource. Ignoring them would accept any template."""
        unknown = sorted(props.keys() - self.replaced_by - self.in_place)
        if unknown:
            raise AwsError("ValidationError", f"The sandbox does not emulate {', '.join(unknown)} of {name}")

    def create(self, job: Job, props: dict[str, Any]) -> Steps:
        raise NotImplementedError

    def update(self, job: Job, physical: str, old: dict[str, Any], new: dict[str, Any]) -> Steps:
        raise NotImplementedError

    def delete(self, job: Job, physical: str, props: dict[str, Any]) -> Steps:
        raise NotImplementedError


KINDS: dict[str, Kind] = {}


def kind(name: str) -> Callable[[type[Kind]], type[Kind]]:
    def register(cls: type[Kind]) -> type[Kind]:
        KINDS[name] = cls()
        return cls

    return register


def number(value: Any) -> int:
    return int(str(value))


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


def only(props: dict[str, Any], *names: str) -> dict[str, Any]:
    return {n: props[n] for n in names if n in props}
