"""moto's responses as plain values. Writing and parsing XML would take most of a call's time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from botocore.utils import parse_to_aware_datetime
from moto.core.responses import ActionResult, BaseResponse
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model


class _Plain(ResponseSerializer):
    """Picks values out of moto's objects by the output shape, under the API's member names."""

    def get_serialized_name(self, shape: Any, default_name: str) -> str:
        return default_name

    def _serialize_type_list(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        rows = []
        for item in value:
            wrapper: dict[str, Any] = {}
            self._serialize(wrapper, item, shape.member, shape.member.serialization.get("name", "member"))
            rows += wrapper.values()
        serialized[key] = rows

    def _serialize_type_map(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        rows = {}
        for name, item in value.items():
            wrapper: dict[str, Any] = {}
            self._serialize(wrapper, item, shape.value, "value")
            rows[name] = wrapper.get("value")
        serialized[key] = rows

    def _serialize_type_timestamp(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if isinstance(value, datetime):
            value = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        serialized[key] = parse_to_aware_datetime(value).replace(microsecond=0)

    def _serialize_type_blob(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        serialized[key] = value if isinstance(value, bytes) else str(value).encode()

    def _serialize_type_boolean(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        serialized[key] = value if isinstance(value, bool) else str(value).lower() == "true"

    def _serialize_type_string(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        serialized[key] = value if isinstance(value, str) else str(value)

    def _serialized_result_to_response(self, resp: Any, result: Any, shape: Any, serialized_result: Any) -> Any:
        resp["body"] = serialized_result
        return resp


class _Picker(XFormedAttributePicker):
    """Caches a value's possible names, which moto computes for each value although they depend only on its type."""

    _names: dict[tuple[type, Any, str], list[str]] = {}

    def get_possible_keys(self, context: AttributePickerContext) -> Iterable[str]:
        place = (type(context.obj), context.shape, context.key)
        if place not in self._names:
            self._names[place] = list(dict.fromkeys(super().get_possible_keys(context)))
        return self._names[place]


class PlainAnswers(BaseResponse):
    """Mixed into moto's response classes: results stay values, errors are unchanged."""

    def serialized(self, action_result: ActionResult) -> Any:
        if isinstance(action_result.result, Exception):
            return super().serialized(action_result)
        operation = get_service_model(self.boto3_service_name).operation_model(self._get_action())
        picker = _Picker(response_transformers=self.RESPONSE_KEY_PATH_TO_TRANSFORMER)
        answer = _Plain(operation_model=operation, value_picker=picker).serialize(action_result.result)
        return answer["status_code"], dict(self.response_headers), answer["body"]
