"""Property values as the API's types: a template may have strings where the API expects numbers and booleans.

Names that the API does not have are refused. cfn-lint has the registry's schemas, but runs only with CreateStack.
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import get_service_model

from ..errors import AwsError
from .resources import number, truth


def typed(service: str, operation: str, member: str, value: Any) -> Any:
    """The value of one member of an operation's request."""
    shape = get_service_model(service).operation_model(operation).input_shape.members[member]
    return _convert(shape, value, member)


def _convert(shape: Any, value: Any, path: str) -> Any:
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            raise AwsError("ValidationError", f"#/{path}: expected type: JSONObject, found: {type(value).__name__}")
        unknown = sorted(value.keys() - shape.members.keys())
        if unknown:
            raise AwsError("ValidationError", f"Properties validation failed: #/{path}: extraneous key [{unknown[0]}] is not "
                                              "permitted")
        return {k: _convert(shape.members[k], v, f"{path}/{k}") for k, v in value.items()}
    if shape.type_name == "list":
        return [_convert(shape.member, v, path) for v in (value if isinstance(value, list) else [value])]
    if shape.type_name == "map":
        return {str(k): _convert(shape.value, v, path) for k, v in value.items()}
    if shape.type_name in ("integer", "long"):
        return number(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    if shape.type_name == "boolean":
        return truth(value)
    if shape.type_name == "timestamp":
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
