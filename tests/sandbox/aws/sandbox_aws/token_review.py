"""TokenReview for EKS tokens: a presigned GetCallerIdentity request, checked completely.

The rules are those of aws-iam-authenticator's verifier, which EKS runs: https to the regional STS host,
only known parameters, signed x-k8s-aws-id, at most 15 minutes old.
"""

from __future__ import annotations

import base64
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from . import addon_manager, callers, sigv4
from .eks_access import ADMIN_POLICY
from .eks_model import Cluster
from .k8s import Refused
from .world import World

PREFIX = "k8s-aws-v1."
MAX_EXPIRES = 900
_PARAMETERS = {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires",
               "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders", "x-amz-user-agent"}


class Invalid(Exception):
    pass


def review(world: World, request: dict[str, Any]) -> dict[str, Any]:
    token = request.get("spec", {}).get("token", "")
    answer = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    try:
        user = _user(world, token)
    except Invalid as error:
        return {**answer, "status": {"authenticated": False, "error": str(error)}}
    return {**answer, "status": {"authenticated": True, "user": user, "audiences":
                                 request.get("spec", {}).get("audiences", [])}}


def _user(world: World, token: str) -> dict[str, Any]:
    cluster = world.home.clusters.get(world.shape.cluster)
    if cluster is None:
        raise Invalid("no cluster yet")
    # One second of tolerance: X-Amz-Date has no fractions.
    oldest = min(MAX_EXPIRES, time.time() - world.tokens_since + 1)
    caller = verify(token, cluster.name, world.shape.region, world.shape.account, oldest)
    extra = {"arn": [caller.arn], "canonicalArn": [caller.principal_arn], "principalId": [caller.user_id]}
    identity = _identity(world, cluster, caller)
    return {"username": identity[0], "uid": f"aws-iam-authenticator:{caller.account}:{caller.user_id}",
            "groups": identity[1], "extra": extra}


def verify(token: str, cluster: str, region: str, account: str, oldest: float = MAX_EXPIRES) -> callers.Caller:
    """The caller that signed the token. Raises Invalid with the reason."""
    if not token.startswith(PREFIX):
        raise Invalid("the token has no k8s-aws-v1. prefix")
    body = token[len(PREFIX):]
    if "=" in body:
        raise Invalid("the token is base64url with padding")
    try:
        url = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except (ValueError, UnicodeDecodeError) as error:
        raise Invalid(f"the token is not base64url: {error}") from error
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Invalid(f"unexpected scheme {parts.scheme!r} in presigned URL")
    if parts.netloc != f"sts.{region}.amazonaws.com":
        raise Invalid(f"unexpected hostname {parts.netloc!r} in presigned URL")
    if parts.path != "/":
        raise Invalid("unexpected path in presigned URL")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    args = dict(pairs)
    if len(args) != len(pairs):
        raise Invalid("a query parameter appears twice")
    unknown = [k for k in args if k.lower() not in _PARAMETERS]
    if unknown:
        raise Invalid(f"non-whitelisted query parameter {unknown[0]!r}")
    if args.get("Action") != "GetCallerIdentity" or args.get("Version") != "2011-06-15":
        raise Invalid("unexpected action parameter in presigned URL")
    headers = {"host": parts.netloc, "x-k8s-aws-id": cluster}
    signed = sigv4.read(headers, parts.query)
    if signed is None:
        raise Invalid("the URL is not presigned")
    if "x-k8s-aws-id" not in signed.signed_headers:
        raise Invalid("client did not sign the x-k8s-aws-id header in the pre-signed URL")
    if signed.service != "sts" or signed.region != region:
        raise Invalid("the credential scope is not STS in the cluster's region")
    if signed.expires is None or not 0 < signed.expires <= MAX_EXPIRES:
        raise Invalid("invalid X-Amz-Expires parameter in pre-signed URL")
    age = sigv4.age(signed)
    if age is None or age < -300 or age > oldest:
        raise Invalid("X-Amz-Date parameter is expired")
    caller = callers.find(account, signed.access_key_id)
    if caller is None or caller.token != signed.token:
        raise Invalid("the access key is not known")
    # x-k8s-aws-id is recomputed with this cluster's name: a token for another cluster fails here.
    if not sigv4.valid(signed, caller.secret, "GET", parts.path, parts.query, headers, b""):
        raise Invalid("the signature does not match")
    return caller


def _identity(world: World, cluster: Cluster, caller: callers.Caller) -> tuple[str, list[str]]:
    """Access entries take precedence over aws-auth if the mode uses both ("Change authentication mode", EKS user guide)."""
    principal, mode = caller.principal_arn, cluster.authentication_mode
    entry = cluster.entries.get(principal)
    if mode != "CONFIG_MAP" and entry is not None:
        if entry.kind != "STANDARD":
            raise Invalid(f"{principal} is a node's role")
        scope = entry.policies.get(ADMIN_POLICY)
        admin = ["system:masters"] if scope and scope.get("type") == "cluster" else []
        return "kubernetes-admin" if principal == world.creator_arn else entry.username, [*entry.groups, *admin]
    if mode != "API":
        if mode == "CONFIG_MAP" and principal == world.creator_arn:
            return "kubernetes-admin", ["system:masters"]
        for row in _aws_auth(world):
            if principal in (row.get("userarn"), row.get("rolearn")):
                return row.get("username") or principal, row.get("groups") or []
    raise Invalid(f"{principal} is not mapped")


def _aws_auth(world: World) -> list[dict[str, Any]]:
    api = addon_manager.client(world)
    try:
        data = api.request("GET", "/api/v1/namespaces/kube-system/configmaps/aws-auth")["data"] if api else {}
        rows = [r for key in ("mapUsers", "mapRoles") for r in yaml.safe_load(data.get(key) or "[]") or []]
    except (Refused, yaml.YAMLError, KeyError, *addon_manager.UNREACHABLE):
        return []
    return [r for r in rows if isinstance(r, dict)]
