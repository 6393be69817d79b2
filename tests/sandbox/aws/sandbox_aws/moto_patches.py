"""Patches for bugs of moto 5.2.5, each with what moto does wrong."""

from __future__ import annotations

import secrets
import string
from functools import cache
from typing import Any

from moto.core import responses
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam import models as iam_models


def _get_tags(self: Any) -> list[dict[str, str]]:
    """moto matches a pattern against every tag of the region for every resource."""
    kind = getattr(type(self), "__name__", "")
    return [{"key": k, "value": v, "resource_id": self.id, "resource_type": kind}
            for k, v in self.ec2_backend.tags.get(self.id, {}).items()]


def _id(kind: str) -> str:
    """An IAM unique id: its prefix shows the type ("IAM identifiers", IAM user guide)."""
    return kind + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(17))


def _with_id(cls: Any, kind: str) -> None:
    made = cls.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.id = _id(kind)

    cls.__init__ = init


def apply() -> None:
    # moto lists a class's methods, by inspection, for each request.
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # moto's ids of users, roles and profiles are lower case and without their prefix.
    iam_models.random_role_id = lambda *_: _id("AROA")
    for cls, kind in ((iam_models.User, "AIDA"), (iam_models.InstanceProfile, "AIPA")):
        _with_id(cls, kind)
    TaggedEC2Resource.get_tags = _get_tags  # type: ignore[method-assign]
    # moto shows an instance's groups on each of its interfaces; on AWS each interface has its own.
    NetworkInterface.group_set = property(lambda self: self._group_set)  # type: ignore[assignment]
    # moto stores descriptions only of address ranges, not of group pairs.
    SecurityGroupRule.description = property(  # type: ignore[assignment]
        lambda self: self.ip_range.get("Description") or self.source_group.get("Description"))
    # Addresses are released when an instance terminates (ec2_instances), not when Python frees the object.
    Instance.__del__ = lambda self: None  # type: ignore[attr-defined, method-assign]


def ec2(context: Any) -> Any:
    """moto's EC2 of the context's account and region."""
    return ec2_backends[context.account][context.region]


apply()
