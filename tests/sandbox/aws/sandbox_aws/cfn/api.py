"""The CloudFormation API."""

from __future__ import annotations

import copy
import json
import re
import uuid
from typing import Any

from .. import paging, permissions, ssm
from ..errors import AwsError
from ..registry import implements
from ..world import Context
from . import engine, limits, parameters
from . import template as templates
from . import update as updates
from .resources import KINDS
from .stacks import Event, Stack, live, now, require, stacks
from .template import wrong

# On a rough day a new stack is not found for this many seconds.
_UNSEEN = 0.5


def _template(params: dict[str, Any], stack: Stack | None = None) -> tuple[str, dict[str, Any]]:
    if params.get("UsePreviousTemplate") and stack:
        return stack.body, stack.template
    if params.get("TemplateURL"):
        raise wrong("TemplateURL must be a supported URL. (The sandbox has no S3.)")
    if not params.get("TemplateBody"):
        raise wrong("Either Template URL or Template Body must be specified.")
    return params["TemplateBody"], templates.load(params["TemplateBody"])


def _check(context: Context, params: dict[str, Any], template: dict[str, Any]) -> None:
    limits.check(params, template)
    unknown = sorted({r["Type"] for r in template["Resources"].values() if r["Type"] not in KINDS})
    if unknown:
        raise wrong(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    needed = templates.capabilities(template)
    given = params.get("Capabilities", [])
    if needed and "CAPABILITY_NAMED_IAM" not in given and needed not in given:
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
    if context.caller and not params.get("RoleARN"):
        _may_read(context, parameters.stored(template, params.get("Parameters", [])))


def _may_read(context: Context, names: list[str]) -> None:
    """CloudFormation reads parameters of the types AWS::SSM::Parameter::Value<...> as the caller."""
    for name in names:
        try:
            permissions.allow(context.world, context.caller, "ssm", "GetParameters", {"Names": [name]}, context.region)
        except AwsError as error:
            raise wrong(error.message) from error


def _tags(params: dict[str, Any]) -> dict[str, str]:
    tags = {t["Key"]: t.get("Value", "") for t in params.get("Tags", [])}
    if any(k.startswith("aws:") for k in tags):
        raise wrong("Tag keys starting with aws: are reserved")
    return tags


def _request(params: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in params.items() if k != "ClientRequestToken"}, sort_keys=True, default=str)


def _again(stack: Stack | None, params: dict[str, Any]) -> bool:
    """Whether this request was made before. The same token with another request is rejected."""
    token = params.get("ClientRequestToken")
    if stack is None or not token or token not in stack.tokens:
        return False
    if stack.tokens[token] != _request(params):
        raise AwsError("TokenAlreadyExistsException", f"Token [{token}] already exists for stack [{stack.name}]")
    return True


@implements("cloudformation", "CreateStack")
def create(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["StackName"]
    if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", name):
        raise wrong(f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
                    "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
    present = live(context, name)
    if _again(present, params) and present:
        return {"StackId": present.id}
    if params.get("OnFailure") and params.get("DisableRollback"):
        raise wrong("You can specify either DisableRollback or OnFailure, but not both.")
    body, template = _template(params)
    _check(context, params, template)
    raw, resolved = parameters.values(template, params.get("Parameters", []), {}, ssm.value)
    if present:
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    stack = Stack(name, f"arn:aws:cloudformation:{context.region}:{context.account}:stack/{name}/{uuid.uuid4()}", body,
                  template, raw, resolved, _tags(params), params.get("Capabilities", []), context.caller, context.region,
                  description=str(template.get("Description", "")), role=params.get("RoleARN"),
                  protected=params.get("EnableTerminationProtection", False),
                  on_failure=params.get("OnFailure") or ("DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK"))
    stack.token = params.get("ClientRequestToken", "")
    stack.tokens[stack.token] = _request(params)
    engine.wanted_names(context, stack)  # conditions are evaluated before the stack is accepted
    stacks(context).append(stack)
    stack.event("CREATE_IN_PROGRESS", "User Initiated")
    context.world.timers.spawn(engine.create(context, stack))
    return {"StackId": stack.id}


@implements("cloudformation", "UpdateStack")
def update(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = require(context, params["StackName"])
    if _again(stack, params):
        return {"StackId": stack.id}
    if stack.busy or stack.status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED",
                                      "DELETE_COMPLETE", "UPDATE_ROLLBACK_FAILED"):
        raise wrong(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    body, template = _template(params, stack)
    _check(context, params, template)
    raw, resolved = parameters.values(template, params.get("Parameters", []), stack.raw_parameters, ssm.value)
    tags = _tags(params) if "Tags" in params else stack.tags
    if not updates.differs(context, stack, template, raw, resolved, tags):
        raise wrong("No updates are to be performed.")
    before = copy.copy(stack)
    stack.body, stack.template, stack.raw_parameters, stack.parameters = body, template, raw, resolved
    stack.tags, stack.capabilities, stack.owner = tags, params.get("Capabilities", []), context.caller
    stack.description = str(template.get("Description", ""))
    stack.token = params.get("ClientRequestToken", "")
    stack.tokens[stack.token] = _request(params)
    stack.status = "UPDATE_IN_PROGRESS"
    context.world.timers.spawn(updates.run(context, stack, before))
    return {"StackId": stack.id}


@implements("cloudformation", "DeleteStack")
def delete(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = live(context, params["StackName"])
    if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return {}
    if stack.protected:
        raise wrong(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if params.get("RetainResources") and stack.status != "DELETE_FAILED":
        raise wrong(f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify which resources to retain "
                    "only when the stack is in the DELETE_FAILED state.")
    if stack.busy and not stack.status.startswith("CREATE"):
        raise wrong(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    stack.token, stack.owner = params.get("ClientRequestToken", ""), context.caller
    stack.status = "DELETE_IN_PROGRESS"
    context.world.timers.spawn(engine.delete(context, stack, params.get("RetainResources", [])))
    return {}


@implements("cloudformation", "DescribeStacks")
def describe(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("StackName"):
        stack = require(context, params["StackName"])
        young = (now() - stack.created).total_seconds() < _UNSEEN
        if young and context.world.shape.aws == "rough" and not context.fresh:
            raise wrong(f"Stack with id {params['StackName']} does not exist")
        return {"Stacks": [stack.shown()]}
    rows = [s.shown() for s in reversed(stacks(context)) if s.status != "DELETE_COMPLETE"]
    rows, token = paging.page(params, rows, ("stacks",))
    return {"Stacks": rows, **({"NextToken": token} if token else {})}


@implements("cloudformation", "ListStacks")
def list_all(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("StackStatusFilter")
    rows = []
    for stack in reversed(stacks(context)):
        if not wanted or stack.status in wanted:
            row = stack.shown()
            rows.append({k: row[k] for k in ("StackId", "StackName", "CreationTime", "StackStatus", "StackStatusReason",
                                             "LastUpdatedTime", "DeletionTime") if k in row})
    rows, token = paging.page(params, rows, ("list-stacks", repr(wanted)))
    return {"StackSummaries": rows, **({"NextToken": token} if token else {})}


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    row = {"StackId": stack.id, "StackName": stack.name, "EventId": event.id, "LogicalResourceId": event.logical,
           "PhysicalResourceId": event.physical, "ResourceType": event.kind, "Timestamp": event.time,
           "ResourceStatus": event.status, "ResourceStatusReason": event.reason, "ResourceProperties": event.props,
           "ClientRequestToken": event.token}
    return {k: v for k, v in row.items() if v != "" or k == "PhysicalResourceId"}


@implements("cloudformation", "DescribeStackEvents")
def events(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = require(context, params["StackName"])
    rows, token = paging.page(params, [_event(stack, e) for e in reversed(stack.events)], ("events", stack.id), most=20)
    return {"StackEvents": rows, **({"NextToken": token} if token else {})}


def _resources(stack: Stack, wanted: str | None = None) -> list[dict[str, Any]]:
    rows = []
    for resource in stack.resources.values():
        if wanted and resource.logical != wanted:
            continue
        row = {"StackName": stack.name, "StackId": stack.id, "LogicalResourceId": resource.logical,
               "PhysicalResourceId": resource.physical, "ResourceType": resource.kind, "Timestamp": resource.time,
               "LastUpdatedTimestamp": resource.time, "ResourceStatus": resource.status,
               "ResourceStatusReason": resource.reason, "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"}}
        rows.append({k: v for k, v in row.items() if v != ""})
    if wanted and not rows:
        raise wrong(f"Resource {wanted} does not exist for stack {stack.name}")
    return rows


@implements("cloudformation", "DescribeStackResources")
def resources(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("PhysicalResourceId"):
        found = [s for s in stacks(context) for r in s.resources.values() if r.physical == params["PhysicalResourceId"]]
        if not found:
            raise wrong(f"Stack for {params['PhysicalResourceId']} does not exist")
        return {"StackResources": _resources(found[-1])}
    return {"StackResources": _resources(require(context, params["StackName"]), params.get("LogicalResourceId"))}


@implements("cloudformation", "DescribeStackResource")
def resource(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"StackResourceDetail": _resources(require(context, params["StackName"]), params["LogicalResourceId"])[0]}


@implements("cloudformation", "ListStackResources")
def list_resources(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = _resources(require(context, params["StackName"]))
    rows, token = paging.page(params, rows, ("stack-resources", params["StackName"]))
    return {"StackResourceSummaries": rows, **({"NextToken": token} if token else {})}


@implements("cloudformation", "GetTemplate")
def get_template(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"TemplateBody": require(context, params["StackName"]).body, "StagesAvailable": ["Original", "Processed"]}


def _summary(template: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for name, body in template.get("Parameters", {}).items():
        row = {"ParameterKey": name, "ParameterType": body.get("Type", "String"),
               "NoEcho": str(body.get("NoEcho", "")).lower() == "true", "Description": body.get("Description")}
        if "Default" in body:
            row["DefaultValue"] = str(body["Default"])
        rows.append({k: v for k, v in row.items() if v is not None})
    needed = templates.capabilities(template)
    found: dict[str, Any] = {"Parameters": rows, "Description": str(template.get("Description", "")),
                             "Capabilities": [needed] if needed else []}
    if needed:
        kinds = sorted({r["Type"] for r in template["Resources"].values() if r["Type"].startswith("AWS::IAM::")})
        found["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(kinds)}]"
    return found


@implements("cloudformation", "GetTemplateSummary")
def summary(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    template = require(context, params["StackName"]).template if params.get("StackName") else _template(params)[1]
    return {**_summary(template), "Version": str(template.get("AWSTemplateFormatVersion", "2010-09-09")),
            "ResourceTypes": sorted({r["Type"] for r in template["Resources"].values()})}


@implements("cloudformation", "ValidateTemplate")
def validate(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = _summary(_template(params)[1])
    keep = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
    found["Parameters"] = [{k: v for k, v in row.items() if k in keep} for row in found["Parameters"]]
    return found


@implements("cloudformation", "UpdateTerminationProtection")
def protect(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    stack = require(context, params["StackName"])
    stack.protected = params["EnableTerminationProtection"]
    return {"StackId": stack.id}


@implements("cloudformation", "ListExports")
def exports(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Exports": [{"ExportingStackId": s.id, "Name": o["ExportName"], "Value": o["OutputValue"]}
                        for s in stacks(context) if s.status != "DELETE_COMPLETE" for o in s.outputs if "ExportName" in o]}
