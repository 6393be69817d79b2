"""EC2's client tokens.

"If you retry a request that completed successfully using the same client token and the same parameters,
the API responds ... without performing any further actions"; the same token with other parameters is an
IdempotentParameterMismatch (Ensuring idempotency in Amazon EC2 API requests). EKS and CloudFormation keep
theirs with the cluster and the stack.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .errors import AwsError
from .world import Context


def once(context: Context, params: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    token = params.get("ClientToken")
    if context.service != "ec2" or not token:
        return make()
    key = (context.region, context.operation, token)
    request = json.dumps({k: v for k, v in params.items() if k != "ClientToken"}, sort_keys=True, default=str)
    known = context.world.tokens
    if key not in known:
        # A failed request does not use up its token.
        known[key] = (request, make())
    elif known[key][0] != request:
        raise AwsError("IdempotentParameterMismatch",
                       "The client token you have provided is associated with another request with other parameters. "
                       "Please use a different client token.")
    return known[key][1]
