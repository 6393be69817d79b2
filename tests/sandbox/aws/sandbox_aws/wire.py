"""Parses requests into (service, operation, parameters) and writes responses, with botocore's API models."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from . import wire_ec2
from .errors import AwsError, unknown_operation

# Credential scope -> name of botocore's model.
SERVICES = {"ec2": "ec2", "eks": "eks", "cloudformation": "cloudformation", "autoscaling": "autoscaling",
            "iam": "iam", "sts": "sts", "ssm": "ssm", "servicequotas": "service-quotas"}
_XMLNS = {"autoscaling": "http://autoscaling.amazonaws.com/doc/2011-01-01/",
          "cloudformation": "http://cloudformation.amazonaws.com/doc/2010-05-15/",
          "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
          "sts": "https://sts.amazonaws.com/doc/2011-06-15/"}


@dataclass
class Call:
    service: str
    operation: str
    params: dict[str, Any]
    model: Any  # botocore's operation model
    protocol: str


def name_of(service: str, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> str:
    """The operation's name, as far as it can be determined, to log requests that can't be parsed."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.split(".")[-1]
    for text in (query, body.decode("utf-8", "replace")):
        action = parse_qs(text).get("Action") if "Action=" in text else None
        if action:
            return action[0]
    return f"{method} {path}"


def read(service: str, method: str, url: str, query: str, headers: dict[str, str], body: bytes) -> Call:
    request = Request.from_primitives(method, url, headers, body)
    request.from_wsgi_server = True
    model = get_service_model(service)
    path = url.split("?")[0].split("/", 3)[-1]
    name = name_of(service, method, f"/{path}", query, headers, body)
    try:
        operation, uri_params = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        raise unknown_operation(service, name) from None
    protocol = determine_request_protocol(model, request.content_type)
    parser = PROTOCOL_PARSERS[protocol](operation)
    try:
        params = parser.parse({"method": method, "values": request.values, "headers": request.headers,
                               "body": request.data, "url_path": request.path, "url_params": uri_params})
    except AwsError:
        raise
    except Exception as error:
        raise _malformed(service, str(error)) from error
    return Call(service, operation.name, plain(params), operation, protocol)


def _malformed(service: str, why: str) -> AwsError:
    if service in ("ec2", "autoscaling", "cloudformation", "iam", "sts"):
        return AwsError("MalformedInput" if service != "ec2" else "InvalidParameterValue", why)
    return AwsError("SerializationException", why)


def plain(value: Any) -> Any:
    """Plain dicts and lists, without empty members that the parsers leave."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def write(call: Call, result: dict[str, Any], request_id: str) -> tuple[int, dict[str, str], bytes]:
    if call.service == "ec2" and call.operation in wire_ec2.LONG:
        return 200, {"Content-Type": "text/xml"}, wire_ec2.write(call.model, result, request_id)
    serializer = get_serializer_class(call.service, call.protocol)(operation_model=call.model, pretty_print=False)
    answer = serializer.serialize(result)
    body = answer["body"]
    if isinstance(body, str):
        body = re.sub(r"<(RequestId|requestId)>[^<]*<", rf"<\1>{request_id}<", body, count=1).encode()
    headers = {k: str(v) for k, v in answer["headers"].items()}
    return int(answer["status_code"]), headers, body


def write_error(service: str, error: AwsError, request_id: str) -> tuple[int, dict[str, str], bytes]:
    if service in ("eks", "ssm", "service-quotas"):
        kind = "application/json" if service == "eks" else "application/x-amz-json-1.1"
        body = json.dumps({"__type": error.code, "message": error.message, **error.fields}, default=str)
        return error.status, {"Content-Type": kind, "x-amzn-ErrorType": error.code}, body.encode()
    code, text = escape(error.code), escape(error.message)
    if service == "ec2":
        body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{code}</Code>'
                f"<Message>{text}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>")
    else:
        sender = "Sender" if error.status < 500 else "Receiver"
        body = (f'<ErrorResponse xmlns="{_XMLNS.get(service, "")}"><Error><Type>{sender}</Type><Code>{code}</Code>'
                f"<Message>{text}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>")
    return error.status, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode()
