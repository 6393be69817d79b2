"""SSM: the public parameters of EKS's AMIs, and parameters that callers put."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from . import amis, paging
from .errors import AwsError
from .registry import implements
from .world import Context

_PUT: dict[str, str] = {}


@lru_cache
def _public() -> dict[str, str]:
    return amis.parameters()


def value(name: str) -> str | None:
    return _public().get(name) or _PUT.get(name)


def _row(context: Context, name: str, text: str) -> dict[str, Any]:
    owner = "" if name.startswith("/aws/service") else context.account
    return {"Name": name, "Type": "String", "Value": text, "Version": 1, "DataType": "text",
            "LastModifiedDate": datetime(2026, 11, 8, tzinfo=timezone.utc),
            "ARN": f"arn:aws:ssm:{context.region}:{owner}:parameter{name}"}


@implements("ssm", "GetParameter")
def get(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    text = value(params["Name"])
    if text is None:
        raise AwsError("ParameterNotFound", "")
    return {"Parameter": _row(context, params["Name"], text)}


@implements("ssm", "GetParameters")
def get_some(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    known = [n for n in params["Names"] if value(n) is not None]
    return {"Parameters": [_row(context, n, value(n) or "") for n in known],
            "InvalidParameters": [n for n in params["Names"] if n not in known]}


@implements("ssm", "GetParametersByPath")
def by_path(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix = params["Path"].rstrip("/") + "/"
    names = sorted(n for n in {**_public(), **_PUT} if n.startswith(prefix)
                   and (params.get("Recursive") or "/" not in n[len(prefix):]))
    names, token = paging.page(params, names, ("by-path", prefix), most=10, code="InvalidNextToken")
    return {"Parameters": [_row(context, n, value(n) or "") for n in names], **({"NextToken": token} if token else {})}


@implements("ssm", "PutParameter")
def put(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params["Name"].startswith("/aws"):
        raise AwsError("AccessDeniedException", "No access to reserved parameter name: " + params["Name"])
    if params["Name"] in _PUT and not params.get("Overwrite"):
        raise AwsError("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the "
                                                 "overwrite option in the request to true.")
    _PUT[params["Name"]] = params["Value"]
    return {"Version": 1, "Tier": "Standard"}
