"""Paging. A service may return fewer items than requested. Small pages reveal paging bugs."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .errors import AwsError

# Items per page unless fewer are requested. Real pages have 50 to 1,000 items; long lists have such pages here too.
SMALL, REAL, LONG = 6, 100, 60


def page(params: dict[str, Any], items: list[Any], question: tuple[Any, ...], most: int = SMALL, size: str = "MaxResults",
         token: str = "NextToken", code: str = "InvalidNextToken") -> tuple[list[Any], str | None]:
    """The requested part of `items`, and the token of the next page."""
    mark = hashlib.sha256(repr(question).encode()).hexdigest()[:12]
    start = 0
    if params.get(token):
        try:
            which, _, at = base64.urlsafe_b64decode(params[token].encode()).decode().partition(":")
            start = int(at)
        except (ValueError, UnicodeDecodeError):
            which = ""
        if which != mark:
            raise AwsError(code, "The specified token is not valid or does not belong to this request.")
    if most == SMALL and len(items) > LONG:
        most = REAL
    end = start + min(params.get(size) or most, most)
    if end >= len(items):
        return items[start:], None
    return items[start:end], base64.urlsafe_b64encode(f"{mark}:{end}".encode()).decode()
