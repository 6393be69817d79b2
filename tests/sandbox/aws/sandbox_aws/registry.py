"""Which function implements which operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, dict[str, Any]], "dict[str, Any] | None"]

OPERATIONS: dict[tuple[str, str], Handler] = {}
# Services whose other operations moto handles.
MOTO_SERVICES = {"ec2", "iam", "sts"}


def implements(service: str, *operations: str) -> Callable[[Handler], Handler]:
    def register(function: Handler) -> Handler:
        for operation in operations:
            OPERATIONS[service, operation] = function
        return function

    return register
