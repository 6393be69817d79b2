"""Signature Version 4, recomputed from the received request.

Rules: "Create a signed AWS API request", IAM user guide. All services except S3 encode the path twice.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass
class Signed:
    """What a request says about its own signature."""

    access_key_id: str
    date: str  # yyyymmdd of the credential scope
    region: str
    service: str
    signed_headers: list[str]
    signature: str
    timestamp: str  # yyyymmddThhmmssZ
    expires: int | None = None  # seconds, presigned requests only
    token: str | None = None


def read(headers: dict[str, str], query: str) -> Signed | None:
    """Finds the signature in the Authorization header or the query. Header names are lower case."""
    authorization = headers.get("authorization", "")
    if authorization.startswith(ALGORITHM):
        parts = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", authorization))
        scope = parts.get("Credential", "").split("/")
        if len(scope) < 5 or len(parts) < 3:
            return None
        return Signed("/".join(scope[:-4]), scope[-4], scope[-3], scope[-2], parts["SignedHeaders"].split(";"),
                      parts["Signature"], headers.get("x-amz-date", ""), None, headers.get("x-amz-security-token"))
    args = dict(parse_qsl(query, keep_blank_values=True))
    scope = args.get("X-Amz-Credential", "").split("/")
    if args.get("X-Amz-Algorithm") != ALGORITHM or len(scope) < 5:
        return None
    expires = args.get("X-Amz-Expires", "")
    return Signed(scope[0], scope[1], scope[2], scope[3], args.get("X-Amz-SignedHeaders", "").split(";"),
                  args.get("X-Amz-Signature", ""), args.get("X-Amz-Date", ""),
                  int(expires) if expires.isdigit() else -1, args.get("X-Amz-Security-Token"))


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _canonical_query(query: str) -> str:
    pairs = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k != "X-Amz-Signature"]
    return "&".join(f"{k}={v}" for k, v in sorted((_encode(k), _encode(v)) for k, v in pairs))


def signature(signed: Signed, secret: str, method: str, path: str, query: str, headers: dict[str, str],
              body: bytes) -> str:
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed.signed_headers]
    canonical = "\n".join([
        method, quote(path or "/", safe="/-_.~"), _canonical_query(query), *lines, "",
        ";".join(signed.signed_headers), hashlib.sha256(body).hexdigest(),
    ])
    scope = f"{signed.date}/{signed.region}/{signed.service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, signed.timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (signed.date, signed.region, signed.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def age(signed: Signed, now: datetime | None = None) -> float | None:
    """Seconds since the request was signed; None if its date can't be parsed."""
    try:
        then = datetime.strptime(signed.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return ((now or datetime.now(timezone.utc)) - then).total_seconds()


def valid(signed: Signed, secret: str, method: str, path: str, query: str, headers: dict[str, str],
          body: bytes) -> bool:
    if "host" not in signed.signed_headers or not signed.timestamp.startswith(signed.date):
        return False
    wanted = signature(signed, secret, method, path, query, headers, body)
    return hmac.compare_digest(wanted, signed.signature)
