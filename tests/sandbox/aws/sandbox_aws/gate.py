"""What stands before every operation: credentials, throttling, the API model, permissions, DryRun."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import callers, errors, policies, resources, sigv4, validate
from .callers import Caller
from .errors import AwsError
from .wire import Call
from .world import World

READS = ("Describe", "List", "Get", "Simulate", "Lookup", "Search", "Validate", "Estimate", "Detect")
# Read by their name, yet they change something, and the other way round.
_NOT_READS = ("GetConsoleOutputAndClear",)
# Every caller may ask who they are (IAM user guide, GetCallerIdentity needs no permissions).
_FREE = {("sts", "GetCallerIdentity")}
# One call in so many is refused or lost, by how rough the day is: (throttle, 5xx, lost reply).
_RATES = {"calm": (0, 0, 0), "real": (47, 0, 0), "rough": (9, 41, 29)}
MAX_CLOCK_SKEW = 300


def mutating(operation: str, params: dict[str, Any] | None = None) -> bool:
    if (params or {}).get("DryRun"):
        return False
    return operation in _NOT_READS or not operation.startswith(READS)


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
        fault = self.world.take_fault(call.service, call.operation, "error")
        if fault:
            raise AwsError(fault.get("code", "InternalError"), fault.get("message", "Asked for by a test"),
                           fault.get("status", 400))
        if not caller.quiet:
            self._throttle(call)
        validate.check(call)
        self.authorize(caller, call.service, call.operation, call.params, region)
        if call.params.get("DryRun"):
            raise errors.dry_run()

    def _throttle(self, call: Call) -> None:
        every, broken, _ = _RATES[self.world.shape.aws]
        self.calls[call.service] += 1
        count = self.calls[call.service]
        if every and count % every == every - 1:
            raise errors.throttled(call.service)
        if broken and count % broken == broken - 1:
            raise errors.internal(call.service)

    def loses(self, call: Call, caller: Caller) -> bool:
        """Whether the reply gets lost on its way, the work being done."""
        if self.world.take_fault(call.service, call.operation, "lost_reply"):
            return True
        every = _RATES[self.world.shape.aws][2]
        if caller.quiet or not every or not mutating(call.operation, call.params):
            return False
        self.calls["mutating"] += 1
        return self.calls["mutating"] % every == every - 1

    def authorize(self, caller: Caller, service: str, operation: str, params: dict[str, Any], region: str) -> None:
        if (service, operation) in _FREE:
            return
        documents = caller.policies()
        for action, arns, keys in resources.needed(self.world, service, operation, params, region):
            if policies.decide(documents, action, arns, keys) != "allowed":
                raise errors.denied(service, caller.arn, action, (arns or ["*"])[0])
