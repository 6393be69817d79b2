"""Calls moto's services in process: parameters in, the parsed response out."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

# moto's 3,000 AMIs are not needed; those for EKS are in `amis`.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
# The managed policies of node roles.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

import botocore.parsers  # noqa: E402
import botocore.serialize  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from moto.core.request import Request  # noqa: E402
from moto.core.utils import get_service_model  # noqa: E402
from werkzeug.exceptions import HTTPException  # noqa: E402

from .errors import AwsError, unknown_operation  # noqa: E402


@lru_cache
def _responder(service: str) -> Any:
    from .moto_plain import PlainAnswers

    if service == "ec2":
        from moto.ec2.responses import EC2Response as Response
    elif service == "iam":
        from moto.iam.responses import IamResponse as Response
    else:
        from moto.sts.responses import TokenResponse as Response
    return type(f"Plain{Response.__name__}", (PlainAnswers, Response), {})


@lru_cache
def _codec(service: str) -> tuple[Any, Any, Any]:
    model = get_service_model(service)
    protocol = model.metadata["protocol"]
    return model, botocore.serialize.create_serializer(protocol, False), botocore.parsers.create_parser(protocol)


def call(service: str, operation: str, params: dict[str, Any], region: str) -> dict[str, Any]:
    model, serializer, parser = _codec(service)
    shape = model.operation_model(operation)
    body = serializer.serialize_to_request(params, shape)["body"]
    host = f"{service}.{region}.amazonaws.com"
    request = Request.from_primitives("POST", f"https://{host}/", {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": host,
        # moto reads the region here; the caller was checked before.
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEEXAMPLE00/20260101/{region}/{service}/aws4_request, ",
    }, urlencode(body))
    request.from_wsgi_server = True
    try:
        status, headers, text = _responder(service).dispatch(request, f"https://{host}/", dict(request.headers))
    except NotImplementedError:
        raise unknown_operation(service, operation) from None
    except (ClientError, HTTPException) as error:
        raise AwsError("InternalFailure", str(error), 500) from error
    if isinstance(text, dict):
        return text
    raw = text.encode() if isinstance(text, str) else text
    answer = parser.parse({"status_code": int(status), "headers": headers, "body": raw}, shape.output_shape)
    answer.pop("ResponseMetadata", None)
    if int(status) >= 300:
        error = answer.get("Error", {})
        raise AwsError(error.get("Code", "InternalFailure"), error.get("Message", ""), int(status))
    return answer
