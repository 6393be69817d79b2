"""The volumes of an instance: the image's, changed by the request's block device mappings, with their keys and tags."""

from __future__ import annotations

import uuid
from typing import Any

from . import amis
from .errors import AwsError
from .world import Context

_ROOT = "/dev/xvda"


def _of_image(image: Any) -> dict[str, dict[str, Any]]:
    """AL2 and AL2023 have one volume; Bottlerocket's second one is for images and containers (Bottlerocket's README)."""
    if amis.family(image.name) == "bottlerocket":
        return {_ROOT: {"VolumeSize": 2, "VolumeType": "gp2"}, "/dev/xvdb": {"VolumeSize": 20, "VolumeType": "gp2"}}
    return {_ROOT: {"VolumeSize": 20, "VolumeType": "gp3" if amis.family(image.name) == "al2023" else "gp2"}}


def key_arn(context: Context, given: str | None) -> str:
    """The key's ARN, which DescribeVolumes shows. Without one it is the account's key for EBS ("Amazon EBS encryption")."""
    if given and given.startswith("arn:") and ":alias/" not in given:
        return given
    name = (given or "alias/aws/ebs").split(":")[-1]
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{context.region}/{context.account}/{name}")) if name.startswith("alias/") \
        else name
    return f"arn:aws:kms:{context.region}:{context.account}:key/{key}"


def attach(context: Context, store: Any, instance: Any, mappings: list[dict[str, Any]], tags: dict[str, str]) -> None:
    """Replaces the single volume that moto gives each instance."""
    wanted = {name: {"DeleteOnTermination": True, **row} for name, row in _of_image(store.amis[instance.image_id]).items()}
    for mapping in mappings:
        name = mapping["DeviceName"]
        if "NoDevice" in mapping:
            wanted.pop(name, None)
        elif "Ebs" in mapping:
            # "DeleteOnTermination": true for the image's volumes and for those that a launch template adds.
            wanted[name] = {**wanted.get(name, {"DeleteOnTermination": True}), **mapping["Ebs"]}
    instance.teardown_defaults()
    for name, row in wanted.items():
        if row.get("KmsKeyId") and not row.get("Encrypted"):
            raise AwsError("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
        kind = row.get("VolumeType", "gp2")
        volume = store.create_volume(
            row.get("VolumeSize", 20), instance._placement.zone, encrypted=bool(row.get("Encrypted")),
            kms_key_id=key_arn(context, row.get("KmsKeyId")) if row.get("Encrypted") else None, volume_type=kind,
            iops=row.get("Iops") if kind in ("gp3", "io1", "io2") else None,
            throughput=row.get("Throughput", 125) if kind == "gp3" else None)
        store.attach_volume(volume.id, instance.id, name, bool(row["DeleteOnTermination"]))
        volume.add_tags(tags)
