"""The whole state of the account, and the single way in which its services call each other."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import moto_bridge, registry
from .errors import AwsError, unknown_operation
from .shape import Shape
from .timers import Timers

if TYPE_CHECKING:
    from .callers import Caller


@dataclass
class Context:
    """One call of one operation. `caller` is None when AWS itself calls."""

    world: World
    service: str
    operation: str
    region: str
    caller: Caller | None = None
    request_id: str = ""

    @property
    def account(self) -> str:
        return self.world.shape.account

    @property
    def fresh(self) -> bool:
        """Sees the current state of the account, without the delays of real AWS."""
        return self.caller is None or self.caller.quiet

    def moto(self, operation: str | None = None, params: dict[str, Any] | None = None,
             service: str | None = None) -> dict[str, Any]:
        return moto_bridge.call(service or self.service, operation or self.operation, params or {}, self.region)

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Calls as AWS itself: neither permissions nor delays apply."""
        return self.world.call(service, operation, params, self.region)


@dataclass
class Region:
    """The state of the sandbox's own services in one region."""

    clusters: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)  # Auto Scaling groups by name
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)  # launch configurations by name
    stacks: list[Any] = field(default_factory=list)


class World:
    def __init__(self, shape: Shape, directory: Path, port: int):
        self.shape, self.directory, self.port = shape, directory, port
        self.lock = threading.RLock()
        self.timers = Timers(self.lock)
        self.regions: dict[str, Region] = defaultdict(Region)
        self.started = time.monotonic()
        self.faults: list[dict[str, Any]] = []
        self.tokens_since = 0.0  # Kubernetes tokens issued before this time are rejected
        self.vpc_owner = ""  # the account that shares the VPC; empty: the cluster's own account owns it
        self.tokens: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}  # EC2's client tokens
        self.past: dict[str, Any] = {}  # what callers still see of changed resources (consistency)
        # Actions that IAM was asked about, by caller; including those that CloudFormation performs in a caller's name.
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.seeding = False  # the initial account is being created: the cluster does not run yet
        self.creator_arn = ""  # the identity that created the cluster
        self.ids: dict[str, Any] = {}  # the content of aws.json

    @property
    def home(self) -> Region:
        return self.regions[self.shape.region]

    def seconds(self, what: str) -> float:
        return self.shape.seconds(what)

    def after(self, what: str | float, do: Any) -> None:
        self.timers.after(self.seconds(what) if isinstance(what, str) else what, do)

    def call(self, service: str, operation: str, params: dict[str, Any], region: str | None = None,
             caller: Caller | None = None) -> dict[str, Any]:
        region = region or self.shape.region
        context = Context(self, service, operation, region, caller, str(uuid.uuid4()))
        handler = registry.OPERATIONS.get((service, operation))
        if handler:
            return handler(context, params) or {}
        if service in registry.MOTO_SERVICES:
            return context.moto(params=params)
        raise unknown_operation(service, operation)

    def take_fault(self, service: str, operation: str, *kinds: str) -> dict[str, Any] | None:
        """The next injected fault for this call, if any; each is used `times` times."""
        for fault in self.faults:
            if fault["service"] == service and fault["operation"] in (operation, "*") and fault["kind"] in kinds:
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
                return fault
        return None


def chance(*of: object) -> float:
    """A number in [0, 1) that depends only on the arguments."""
    digest = hashlib.sha256("\0".join(map(str, of)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


__all__ = ["AwsError", "Context", "Region", "World", "chance"]
