"""UpdateStack: changes in place or by replacement, and the rollback."""

from __future__ import annotations

import copy
import json
from collections.abc import Generator
from typing import Any

from ..errors import AwsError
from ..world import Context
from . import engine, lint
from .resources import KINDS, Made, Steps
from .stacks import Resource, Stack, now


def differs(context: Context, stack: Stack, template: dict[str, Any], raw: dict[str, str], resolved: dict[str, Any],
            tags: dict[str, str]) -> bool:
    """Whether an update would do anything: resources, outputs or tags ("No updates are to be performed." else)."""
    after = copy.copy(stack)
    after.template, after.raw_parameters, after.parameters = template, raw, resolved
    return tags != stack.tags or _facts(context, stack) != _facts(context, after)


def _facts(context: Context, stack: Stack) -> str:
    seen = engine.scope(context, stack)
    names = engine.wanted_names(context, stack)
    rows: dict[str, Any] = {}
    for name in names:
        body = stack.template["Resources"][name]
        rows[name] = [body["Type"], _half(seen, body.get("Properties", {})), body.get("DeletionPolicy"),
                      body.get("Metadata"), body.get("UpdatePolicy"), body.get("DependsOn")]
    outputs = {n: _half(seen, o) for n, o in stack.template.get("Outputs", {}).items()
               if "Condition" not in o or seen.condition(o["Condition"])}
    return json.dumps([rows, outputs], sort_keys=True, default=str)


def _half(seen: Any, value: Any) -> Any:
    """Resolves what can be resolved; references to resources that do not exist yet stay unchanged."""
    try:
        return seen.resolve(value)
    except AwsError:
        return value


def run(context: Context, stack: Stack, before: Stack) -> Generator[float, None, None]:
    """`stack` carries the new template and parameters; `before` is a copy of its previous state."""
    world = context.world
    stack.updated = now()
    stack.event("UPDATE_IN_PROGRESS", "User Initiated")
    yield world.seconds("stack-start")
    check = lint.start(stack.body, stack.region)
    while not check.ready:
        yield engine._TICK
    names = engine.wanted_names(context, stack)
    old: dict[str, Resource] = {n: copy.deepcopy(r) for n, r in stack.resources.items()}
    replaced: list[Resource] = []
    failed = yield from engine._together(
        engine._needs(stack, names), lambda n: _one(context, stack, n, before, replaced, check.errors))
    if not failed and not engine._outputs(context, stack):
        failed = ["Outputs"]
    if failed:
        yield from _back(context, stack, before, old, replaced, failed)
        return
    stack.event("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    yield world.seconds("stack-cleanup")
    gone = [r for n, r in stack.resources.items() if n not in names and r.status != "DELETE_COMPLETE"]
    for resource in [*replaced, *reversed(gone)]:
        yield from engine._remove(context, stack, resource)
    for resource in gone:
        stack.resources.pop(resource.logical, None)
    stack.event("UPDATE_COMPLETE")


def _one(context: Context, stack: Stack, name: str, before: Stack, replaced: list[Resource],
         lint_errors: dict[str, str]) -> Generator[float, None, bool]:
    body = stack.template["Resources"][name]
    resource = stack.resources.get(name)
    if resource is None or resource.status in ("DELETE_COMPLETE",) or not resource.physical:
        result = yield from engine._one(context, stack, name, lint_errors)
        return result
    resource.keep = body.get("DeletionPolicy", "Delete")
    try:
        props = engine.scope(context, stack).resolve(body.get("Properties", {}))
    except AwsError as error:
        stack.resource_event(resource, "UPDATE_FAILED", error.message)
        return False
    same_tags = stack.tags == before.tags
    if props == resource.props and same_tags and resource.kind == body["Type"]:
        return True
    changed = {k for k in {*props, *resource.props} if props.get(k) != resource.props.get(k)}
    kind = KINDS[body["Type"]]
    old = resource.props
    yield context.world.seconds("stack-resource")
    if resource.kind != body["Type"] or changed & kind.replaced_by:
        replaced.append(copy.deepcopy(resource))
        stack.resource_event(resource, "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new physical "
                                                             "resource; hence creating one.")
        resource.physical = ""
        result = yield from engine._one(context, stack, name, lint_errors)
        if result:
            stack.resource_event(resource, "UPDATE_COMPLETE")
        return result
    stack.resource_event(resource, "UPDATE_IN_PROGRESS")
    try:
        fault = context.world.take_fault("cloudformation", name, "stack_failure") or \
            context.world.take_fault("cloudformation", resource.kind, "stack_failure")
        if fault:
            raise AwsError(fault.get("code", "GeneralServiceException"), fault.get("message", "Asked for by a test"))
        kind.check(body["Type"], props)
        made: Made = yield from kind.update(engine.job(context, stack, name), resource.physical, old, props)
        resource.props, resource.physical, resource.attributes = props, made.physical, made.attributes
    except Exception as error:  # any exception fails the resource
        stack.resource_event(resource, "UPDATE_FAILED", engine._said(error, resource.kind.split("::")[1]))
        return False
    stack.resource_event(resource, "UPDATE_COMPLETE")
    return True


def _back(context: Context, stack: Stack, before: Stack, old: dict[str, Resource], replaced: list[Resource],
          failed: list[str]) -> Steps:
    stack.event("UPDATE_ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to update: [{', '.join(failed)}]. ")
    stack.template, stack.body, stack.parameters = before.template, before.body, before.parameters
    stack.raw_parameters, stack.tags = before.raw_parameters, before.tags
    made = [r for n, r in stack.resources.items() if n not in old or r.physical != old[n].physical]
    for name, resource in list(stack.resources.items()):
        if name in old and resource.physical == old[name].physical and resource.props != old[name].props:
            stack.resource_event(resource, "UPDATE_IN_PROGRESS")
            try:
                result: Made = yield from KINDS[resource.kind].update(
                    engine.job(context, stack, name), resource.physical, resource.props, old[name].props)
                resource.props, resource.attributes = old[name].props, result.attributes
                stack.resource_event(resource, "UPDATE_COMPLETE")
            except AwsError as error:
                stack.resource_event(resource, "UPDATE_FAILED", engine._said(error, resource.kind.split("::")[1]))
                stack.event("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{name}]. ")
                return
    stack.event("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    for resource in reversed(made):
        yield from engine._remove(context, stack, resource)
    stack.resources.update(old)
    for name in [n for n in stack.resources if n not in old]:
        del stack.resources[name]
    engine._outputs(context, stack)
    stack.event("UPDATE_ROLLBACK_COMPLETE")
