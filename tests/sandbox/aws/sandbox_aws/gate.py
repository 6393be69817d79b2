"""Checks before every operation: credentials, throttling, the API model, permissions, DryRun."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import callers, ec2_shared, ec2_tags, errors, permissions, sigv4, validate
from .callers import Caller
from .errors import AwsError
from .wire import Call
from .world import World

# CloudTrail, too, calls AssumeRole read-only.
READS = ("Describe", "List", "Get", "Simulate", "Lookup", "Search", "Validate", "Estimate", "Detect", "AssumeRole")
# Every caller may ask who they are (IAM user guide, GetCallerIdentity needs no permissions).
_FREE = {("sts", "GetCallerIdentity")}
# One call in this many is rejected or lost, by the mode of AWS: (throttled, 5xx, done but no good response).
_RATES = {"calm": (0, 0, 0), "real": (47, 211, 0), "rough": (9, 41, 29)}
MAX_CLOCK_SKEW = 300


def mutating(operation: str, params: dict[str, Any] | None = None) -> bool:
    if (params or {}).get("DryRun"):
        return False
    return not operation.startswith(READS)


class Gate:
    def __init__(self, world: World):
        self.world = world
        self.calls: Counter[str] = Counter()

    def authenticate(self, service: str, signed: sigv4.Signed | None, method: str, path: str, query: str,
                     headers: dict[str, str], body: bytes) -> Caller:
        if signed is None:
            raise errors.missing_token(service)
        caller = callers.find(self.world.shape.account, signed.access_key_id)
        if caller is None or (caller.token and caller.token != signed.token):
            raise errors.unknown_key(service)
        age = sigv4.age(signed)
        if age is None or age < -MAX_CLOCK_SKEW or age > (signed.expires or MAX_CLOCK_SKEW):
            if service == "ec2":
                raise AwsError("RequestExpired", "Request has expired.")
            raise AwsError(errors.bad_signature(service).code, "Signature expired or not yet current", 403)
        if not sigv4.valid(signed, caller.secret, method, path, query, headers, body):
            raise errors.bad_signature(service)
        return caller

    def admit(self, call: Call, caller: Caller, region: str) -> None:
        if not caller.quiet:
            fault = None if caller.background else self.world.take_fault(call.service, call.operation, "error")
            if fault:
                raise AwsError(fault.get("code", "InternalError"), fault.get("message", "Asked for by a test"),
                               fault.get("status", 400))
            self._throttle(call, caller)
        validate.check(call)
        if call.service == "ec2":
            ec2_tags.check(call.operation, call.params)
        self.authorize(caller, call.service, call.operation, call.params, region)
        if call.service == "ec2" and not caller.quiet:
            ec2_shared.check(self.world, call.operation)
        if call.params.get("DryRun"):
            raise errors.dry_run()

    def _throttle(self, call: Call, caller: Caller) -> None:
        every, broken, _ = _RATES[self.world.shape.aws]
        key = f"{call.service} in the background" if caller.background else call.service
        self.calls[key] += 1
        count = self.calls[key]
        if every and count % every == every - 1:
            raise errors.throttled(call.service)
        if broken and count % broken == broken - 1:
            raise errors.internal(call.service)

    def fate(self, call: Call, caller: Caller) -> str | None:
        """What happens to the response after the work is done: "lost_reply", "late_error" (a 5xx), or None."""
        if caller.quiet or caller.background:
            return None
        fault = self.world.take_fault(call.service, call.operation, "lost_reply", "late_error")
        if fault:
            return str(fault["kind"])
        every = _RATES[self.world.shape.aws][2]
        if not every or not mutating(call.operation, call.params):
            return None
        self.calls["mutating"] += 1
        turn, rest = divmod(self.calls["mutating"], every)
        return ("lost_reply", "late_error")[turn % 2] if rest == every - 1 else None

    def authorize(self, caller: Caller, service: str, operation: str, params: dict[str, Any], region: str) -> None:
        if (service, operation) not in _FREE:
            permissions.allow(self.world, caller, service, operation, params, region)
