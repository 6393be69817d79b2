"""Pages. A service may answer with fewer items than asked for, and does: paging bugs show early here."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from .errors import AwsError

# Items on a page when nobody asks for less. Real pages hold 50 to 1,000; long lists get such here, too.
SMALL, REAL, LONG = 6, 100, 60


def page(params: dict[str, Any], items: list[Any], question: tuple[Any, ...], most: int = SMALL, size: str = "MaxResults",
         token: str = "NextToken", code: str = "InvalidNextToken") -> tuple[list[Any], str | None]:
    """The part of `items` that the parameters ask for, and the token of the next one."""
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
