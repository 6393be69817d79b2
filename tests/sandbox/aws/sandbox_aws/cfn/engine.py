"""Creates, updates and deletes stacks, resource by resource, over time."""

from __future__ import annotations

import sys
import time
import traceback
import uuid
from collections.abc import Callable, Generator
from typing import Any

from .. import permissions
from ..errors import AwsError
from ..world import Context
from . import functions, handlers, lint, parameters, resources_ec2, resources_eks, resources_iam, resources_nodes
from . import template as templates
from .resources import KINDS, Job, Made, Steps
from .stacks import Resource, Stack, now, stacks

_KNOWN = (resources_ec2, resources_eks, resources_iam, resources_nodes)  # they register their kinds
_TICK = 0.05
# A delete that fails because of dependencies is retried for a while.
_DELETE_TRIES = 4
_GONE = ("NotFound", "NoSuchEntity", "NoSuch")


class Failed(Exception):
    """Resources failed: {logical id: reason}."""


def scope(context: Context, stack: Stack) -> functions.Scope:
    from .. import ssm

    zones = context.moto("DescribeAvailabilityZones", service="ec2")["AvailabilityZones"]
    exports = {o["ExportName"]: o["OutputValue"] for s in stacks(context) if s.status != "DELETE_COMPLETE"
               for o in s.outputs if "ExportName" in o}
    pseudo = {"AWS::AccountId": context.account, "AWS::Region": context.region, "AWS::Partition": "aws",
              "AWS::StackId": stack.id, "AWS::StackName": stack.name, "AWS::URLSuffix": "amazonaws.com",
              "AWS::NotificationARNs": []}
    found = functions.Scope(stack.template, stack.parameters, pseudo, [z["ZoneName"] for z in zones], exports=exports,
                            ssm=ssm.value)
    for name, resource in stack.resources.items():
        if resource.physical and resource.status != "DELETE_COMPLETE":
            found.physical[name], found.attributes[name] = resource.physical, resource.attributes
    return found


def wanted_names(context: Context, stack: Stack) -> list[str]:
    """The resources whose condition holds."""
    seen = scope(context, stack)
    return [n for n, r in stack.template["Resources"].items() if "Condition" not in r or seen.condition(r["Condition"])]


def job(context: Context, stack: Stack, logical: str) -> Job:
    world = context.world

    def call(service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        owner = stack.owner
        if owner is not None and stack.role is None:
            permissions.allow(world, owner, service, operation, params, stack.region, handlers.CLOUDFORMATION)
        return world.call(service, operation, params, stack.region)

    def exists(physical: str) -> None:
        stack.resources[logical].physical = physical

    return Job(stack.name, stack.id, logical, stack.region, context.account, stack.tags, stack.token, call, world.seconds,
               exists)


def read_back(context: Context, stack: Stack, resource: Resource) -> None:
    """A handler reads the resource that it created, with the permissions of the stack's owner."""
    if stack.owner is not None and stack.role is None:
        needs = handlers.reads(resource, context)
        service = resource.kind.split("::")[1].lower()
        permissions.judge(context.world, stack.owner, service, needs, handlers.CLOUDFORMATION)


def _said(error: Exception, service: str) -> str:
    if isinstance(error, AwsError) and error.code == "ValidationError" and service != "AutoScaling":
        return error.message  # CloudFormation's own finding
    if isinstance(error, AwsError):
        return (f"Resource handler returned message: \"{error.message} (Service: {service}, Status Code: {error.status}, "
                f"Request ID: {uuid.uuid4()})\" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: "
                f"{'AccessDenied' if error.status == 403 else 'GeneralServiceException'})")
    traceback.print_exception(error, file=sys.stderr)  # a bug of the sandbox, not of a stack
    return f"Internal Failure ({type(error).__name__}: {error})"


def _one(context: Context, stack: Stack, name: str, lint_errors: dict[str, str]) -> Generator[float, None, bool]:
    """Creates one resource. Returns whether it succeeded."""
    world = context.world
    body = stack.template["Resources"][name]
    resource = stack.resources.setdefault(name, Resource(name, body["Type"]))
    resource.kind, resource.keep = body["Type"], body.get("DeletionPolicy", "Delete")
    service = body["Type"].split("::")[1]
    try:
        resource.props = scope(context, stack).resolve(body.get("Properties", {}))
        stack.resource_event(resource, "CREATE_IN_PROGRESS")
        fault = world.take_fault("cloudformation", name, "stack_failure") or \
            world.take_fault("cloudformation", body["Type"], "stack_failure")
        if name in lint_errors:
            raise AwsError("ValidationError", f"Properties validation failed for resource {name} with message:\n"
                                              f"[{lint_errors[name]}]")
        KINDS[body["Type"]].check(body["Type"], resource.props)
        yield world.seconds("stack-resource")
        if fault and not fault.get("late"):
            raise AwsError(fault.get("code", "GeneralServiceException"), fault.get("message", "Asked for by a test"))
        steps = KINDS[body["Type"]].create(job(context, stack, name), resource.props)
        announced = False
        while True:
            try:
                pause = next(steps)
            except StopIteration as end:
                made: Made = end.value
                break
            if not announced:
                stack.resource_event(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
                announced = True
            yield pause
        resource.physical, resource.attributes = made.physical, made.attributes
        read_back(context, stack, resource)
        if fault:
            raise AwsError(fault.get("code", "GeneralServiceException"), fault.get("message", "Asked for by a test"))
    except Exception as error:  # any exception fails the resource
        stack.resource_event(resource, "CREATE_FAILED", _said(error, service))
        return False
    stack.resource_event(resource, "CREATE_COMPLETE")
    return True


def _together(todo: dict[str, set[str]], start: Callable[[str], Generator[float, None, bool]],
              cancelled: Callable[[], bool] = lambda: False) -> Steps:
    """Runs a step for each name, each after its dependencies. The first failure cancels the steps that have not started."""
    running: dict[str, tuple[Generator[float, None, bool], float]] = {}
    done: set[str] = set()
    failed: list[str] = []
    while running or (todo and not failed and not cancelled()):
        for name in [n for n, needs in todo.items() if needs <= done and not failed and not cancelled()]:
            del todo[name]
            running[name] = (start(name), 0.0)
        for name, (steps, due) in list(running.items()):
            if due > time.monotonic():
                continue
            try:
                running[name] = (steps, time.monotonic() + next(steps))
            except StopIteration as end:
                del running[name]
                if end.value:
                    done.add(name)
                else:
                    failed.append(name)
        if running:
            yield max(0.0, min(min(due for _, due in running.values()) - time.monotonic(), _TICK * 10))
    return failed


def _needs(stack: Stack, names: list[str]) -> dict[str, set[str]]:
    return {n: templates.dependencies(stack.template, n) & set(names) for n in names}


def create(context: Context, stack: Stack) -> Generator[float, None, None]:
    stack.making = True
    try:
        yield from _create(context, stack)
    finally:
        stack.making = False


def _create(context: Context, stack: Stack) -> Steps:
    yield context.world.seconds("stack-start")
    if stack.deleting:
        return
    missing = parameters.unknown_resources(stack.template, stack.parameters, _exists(context))
    if missing:
        name, value = missing[0]
        yield from _roll_back(context, stack, f"Parameter validation failed: parameter value {value} for parameter name "
                                              f"{name} does not exist. Rollback requested by user.")
        return
    check = lint.start(stack.body, stack.region)
    while not check.ready:
        yield _TICK
    names = wanted_names(context, stack)
    failed = yield from _together(_needs(stack, names), lambda n: _one(context, stack, n, check.errors),
                                  lambda: stack.deleting)
    if stack.deleting:  # DeleteStack has interrupted it and continues from here
        return
    if failed:
        reason = f"The following resource(s) failed to create: [{', '.join(failed)}]. "
        yield from _roll_back(context, stack, reason + "Rollback requested by user.")
        return
    if not _outputs(context, stack):
        yield from _roll_back(context, stack, stack.reason)
        return
    stack.event("CREATE_COMPLETE")


def _exists(context: Context) -> Callable[[str, str], bool]:
    from .. import ec2_describe

    def exists(kind: str, value: str) -> bool:
        if kind == "AWS::EC2::Image::Id":
            return bool(ec2_describe.live(context, ec2_describe.KINDS["DescribeImages"], [value])) if value.startswith(
                "ami-") else False
        if kind in ("AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id", "AWS::EC2::SecurityGroup::Id"):
            return ec2_describe.one(context, value) is not None
        return True

    def quiet(kind: str, value: str) -> bool:
        try:
            return exists(kind, value)
        except AwsError:
            return False

    return quiet


def _outputs(context: Context, stack: Stack) -> bool:
    seen = scope(context, stack)
    stack.outputs = []
    try:
        for name, body in stack.template.get("Outputs", {}).items():
            if "Condition" in body and not seen.condition(body["Condition"]):
                continue
            row = {"OutputKey": name, "OutputValue": str(seen.resolve(body["Value"]))}
            if body.get("Description"):
                row["Description"] = body["Description"]
            if body.get("Export"):
                row["ExportName"] = str(seen.resolve(body["Export"]["Name"]))
            stack.outputs.append(row)
    except AwsError as error:
        stack.reason = error.message
        return False
    return True


def _roll_back(context: Context, stack: Stack, reason: str) -> Steps:
    if stack.on_failure == "DO_NOTHING":
        stack.event("CREATE_FAILED", reason)
        return
    if stack.on_failure == "DELETE":
        stack.making = False
        yield from delete(context, stack, [])
        return
    stack.event("ROLLBACK_IN_PROGRESS", reason)
    failed = yield from remove_all(context, stack, [])
    if failed:
        stack.event("ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
    else:
        stack.event("ROLLBACK_COMPLETE")


def _remove(context: Context, stack: Stack, resource: Resource) -> Generator[float, None, bool]:
    if resource.keep == "Retain" or not resource.physical:
        status = "DELETE_SKIPPED" if resource.physical else "DELETE_COMPLETE"
        stack.resource_event(resource, status)
        return True
    stack.resource_event(resource, "DELETE_IN_PROGRESS")
    for attempt in range(_DELETE_TRIES):
        try:
            yield from KINDS[resource.kind].delete(job(context, stack, resource.logical), resource.physical, resource.props)
            break
        except AwsError as error:
            if any(part in error.code for part in _GONE) or "not found" in error.message:
                break
            if attempt + 1 == _DELETE_TRIES or error.code not in ("DependencyViolation", "DeleteConflict", "ResourceInUse"):
                stack.resource_event(resource, "DELETE_FAILED", _said(error, resource.kind.split("::")[1]))
                return False
            yield context.world.seconds("stack-slow-resource")
        except Exception as error:  # anything else fails it at once
            stack.resource_event(resource, "DELETE_FAILED", _said(error, resource.kind.split("::")[1]))
            return False
    stack.resource_event(resource, "DELETE_COMPLETE")
    return True


def remove_all(context: Context, stack: Stack, retain: list[str]) -> Steps:
    """Deletes the existing resources, each after those that depend on it. Returns the names of those that remain."""
    here = [n for n, r in stack.resources.items() if r.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")]
    for name in [n for n in here if n in retain]:
        stack.resource_event(stack.resources[name], "DELETE_SKIPPED")
        here.remove(name)
    needs: dict[str, set[str]] = {n: set() for n in here}
    for name in here:
        known = stack.template["Resources"].get(name)
        for other in (templates.dependencies(stack.template, name) & set(here)) if known else ():
            needs[other].add(name)
    # A resource stays if one that depends on it could not be deleted.
    failed = yield from _together(needs, lambda n: _remove(context, stack, stack.resources[n]))
    return failed


def delete(context: Context, stack: Stack, retain: list[str]) -> Generator[float, None, None]:
    stack.event("DELETE_IN_PROGRESS", "User Initiated")
    yield context.world.seconds("stack-start")
    while stack.making:
        yield _TICK
    failed = yield from remove_all(context, stack, retain)
    if failed:
        stack.event("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
    else:
        stack.deleted = now()
        stack.event("DELETE_COMPLETE")


def create_now(context: Context, name: str, body: str, values: dict[str, str]) -> Stack:
    """A stack that already exists at the start; created without waiting."""
    template = templates.load(body)
    rows = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
    raw, resolved = parameters.values(template, rows, {}, lambda _: None)
    stack = Stack(name, f"arn:aws:cloudformation:{context.region}:{context.account}:stack/{name}/{uuid.uuid4()}", body,
                  template, raw, resolved, {}, [], None, context.region,
                  description=template.get("Description", ""))
    stacks(context).append(stack)
    stack.event("CREATE_IN_PROGRESS", "User Initiated")
    for logical in templates.order(template, wanted_names(context, stack)):
        steps = _one(context, stack, logical, {})
        for _ in steps:
            pass
    _outputs(context, stack)
    bad = [r.reason for r in stack.resources.values() if r.status != "CREATE_COMPLETE"]
    if bad:
        raise RuntimeError(f"stack {name}: {bad}")
    stack.event("CREATE_COMPLETE")
    return stack
