"""Callers: IAM users and assumed roles, found by their access key in moto's IAM and STS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

# The sandbox's own users. They see the current state without delay and are never throttled.
QUIET_USERS = ("sandbox-witness", "sandbox-node-agent")

# The role of Karpenter's controller; the cluster's name follows ("Getting Started with Karpenter").
CONTROLLER_ROLE = "KarpenterControllerRole-"


@dataclass
class Caller:
    arn: str
    user_id: str
    account: str
    secret: str
    token: str | None = None
    user: str | None = None  # IAM user name
    role: str | None = None  # IAM role name, for assumed roles

    @property
    def quiet(self) -> bool:
        return self.user in QUIET_USERS

    @property
    def background(self) -> bool:
        """A controller of the sandbox's cluster. AWS answers it as anyone else, but the faults and events that a test
        asks for are meant for the program under test, whose calls alone it can count."""
        return self.role is not None and self.role.startswith(CONTROLLER_ROLE)

    @property
    def principal_arn(self) -> str:
        """The IAM user or role, as EKS access entries and policy simulation name it."""
        if self.role:
            return iam(self.account).get_role(self.role).arn
        return self.arn

    def policies(self) -> list[dict[str, Any]]:
        return user_policies(self.account, self.user) if self.user else role_policies(self.account, self.role or "")


def iam(account: str) -> Any:
    return iam_backends[account]["aws"]


def find(account: str, access_key_id: str) -> Caller | None:
    for user in list(iam(account).users.values()):
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status == "Active":
                return Caller(user.arn, user.id, account, key.secret_access_key, user=user.name)
    for session in list(sts_backends[account]["aws"].assumed_roles):
        if session.access_key_id == access_key_id:
            return Caller(session.arn, session.user_id, account, session.secret_access_key, session.session_token,
                          role=session.role_arn.split("/")[-1])
    return None


def _document(policy: Any) -> dict[str, Any]:
    if isinstance(policy, dict):
        policy = policy["policy_document"]
    elif not isinstance(policy, str):
        policy = next(v.document for v in policy.versions if v.is_default)
    return json.loads(policy)


def user_policies(account: str, name: str) -> list[dict[str, Any]]:
    store = iam(account)
    found = [store.get_user_policy(name, p) for p in store.list_user_policies(name)]
    found += store.list_attached_user_policies(name)[0]
    for group in store.get_groups_for_user(name):
        found += [store.get_group_policy(group.name, p) for p in store.list_group_policies(group.name)]
        found += store.list_attached_group_policies(group.name)[0]
    return [_document(_by_arn(store, p)) for p in found]


def role_policies(account: str, name: str) -> list[dict[str, Any]]:
    store = iam(account)
    found: list[Any] = [store.get_role_policy(name, p)[1] for p in store.list_role_policies(name)]
    found += store.list_attached_role_policies(name)[0]
    return [_document(_by_arn(store, p)) for p in found]


def _by_arn(store: Any, policy: Any) -> Any:
    """moto lists attached policies as objects, or as rows that name the ARN, by version."""
    if isinstance(policy, dict) and "policy_document" not in policy:
        return store.get_policy(policy.get("PolicyArn") or policy.get("arn"))
    return policy
