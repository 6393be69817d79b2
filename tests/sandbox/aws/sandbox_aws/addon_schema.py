"""The schema of the vpc-cni add-on's configurationValues, as DescribeAddonConfiguration returns it."""

from __future__ import annotations

import json
from typing import Any

import fastjsonschema
import yaml

from .errors import AwsError

# The CNI's settings in the add-on's schema; values are strings (CNI's README, "Configuration variables").
ENV = (
    "ADDITIONAL_ENI_TAGS", "ANNOTATE_POD_IP", "AWS_EC2_ENDPOINT", "AWS_EXTERNAL_SERVICE_CIDRS",
    "AWS_MANAGE_ENIS_NON_SCHEDULABLE", "AWS_VPC_CNI_NODE_PORT_SUPPORT", "AWS_VPC_ENI_MTU",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "AWS_VPC_K8S_CNI_EXTERNALSNAT",
    "AWS_VPC_K8S_CNI_LOGLEVEL", "AWS_VPC_K8S_CNI_LOG_FILE", "AWS_VPC_K8S_CNI_RANDOMIZESNAT",
    "AWS_VPC_K8S_CNI_VETHPREFIX", "AWS_VPC_K8S_PLUGIN_LOG_FILE", "AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "CLUSTER_ENDPOINT",
    "DISABLE_INTROSPECTION", "DISABLE_LEAKED_ENI_CLEANUP", "DISABLE_METRICS", "DISABLE_NETWORK_RESOURCE_PROVISIONING",
    "DISABLE_POD_V6", "ENABLE_BANDWIDTH_PLUGIN", "ENABLE_IMDS_ONLY_MODE", "ENABLE_IPv4", "ENABLE_IPv6",
    "ENABLE_MULTI_NIC", "ENABLE_POD_ENI", "ENABLE_PREFIX_DELEGATION", "ENABLE_SUBNET_DISCOVERY", "ENABLE_V4_EGRESS",
    "ENABLE_V6_EGRESS", "ENI_CONFIG_ANNOTATION_DEF", "ENI_CONFIG_LABEL_DEF", "INTROSPECTION_BIND_ADDRESS",
    "IP_COOLDOWN_PERIOD", "MAX_ENI", "MINIMUM_IP_TARGET", "NETWORK_POLICY_ENFORCING_MODE",
    "POD_SECURITY_GROUP_ENFORCING_MODE", "WARM_ENI_TARGET", "WARM_IP_TARGET", "WARM_PREFIX_TARGET")
_OTHERS: dict[str, dict[str, Any]] = {
    "affinity": {"type": ["object", "null"]}, "enableNetworkPolicy": {"type": "string", "format": "boolean"},
    "enableWindowsIpam": {"type": "string", "format": "boolean"}, "eniConfig": {"$ref": "#/definitions/EniConfig", "type": "object"},
    "extraVolumeMounts": {"type": "array"}, "extraVolumes": {"type": "array"}, "init": {"type": "object"},
    "livenessProbeTimeoutSeconds": {"type": "integer"}, "nodeAgent": {"type": "object"}, "nodeSelector": {"type": "object"},
    "podAnnotations": {"type": "object"}, "podLabels": {"type": "object"},
    "readinessProbeTimeoutSeconds": {"type": "integer"}, "resources": {"type": "object"},
    "tolerations": {"type": "array"}, "updateStrategy": {"type": "object"}, "priorityClassName": {"type": "string"}}
_ENICONFIG: dict[str, Any] = {
    "additionalProperties": False, "type": "object", "required": ["create", "region", "subnets"],
    "properties": {"create": {"type": "boolean"}, "region": {"type": "string"}, "subnets": {
        "minProperties": 1, "type": "object", "additionalProperties": {
            "additionalProperties": False, "type": "object", "required": ["id"], "properties": {
                "id": {"type": "string"}, "securityGroups": {"type": "array", "items": {"type": "string"}}}}}}}
_eniconfig = fastjsonschema.compile({"$schema": "http://json-schema.org/draft-06/schema#", **_ENICONFIG})
_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}


def schema() -> str:
    return json.dumps({
        "$ref": "#/definitions/VpcCni", "$schema": "http://json-schema.org/draft-06/schema#",
        "definitions": {
            "VpcCni": {"additionalProperties": False, "title": "VpcCni", "type": "object",
                       "properties": {"env": {"$ref": "#/definitions/Env"}, **_OTHERS}},
            "EniConfig": _ENICONFIG,
            "Env": {"additionalProperties": False, "title": "Env", "type": "object",
                    "properties": {name: {"type": "string"} for name in ENV}}}})


def parse(text: str | None) -> dict[str, Any]:
    """The values as an object. Rejects what the schema does not have, as EKS does."""
    if not (text or "").strip():
        return {}
    try:
        values = yaml.safe_load(text or "")  # "JSON and YAML are supported" (UpdateAddon)
    except yaml.YAMLError as error:
        raise _refused(f"not valid JSON or YAML: {error}") from error
    if not isinstance(values, dict):
        raise _refused("$: an object is expected")
    wrong = []
    for key, value in values.items():
        if key == "env":
            wrong += _env(value)
        elif key == "eniConfig":
            try:
                _eniconfig(value)
            except fastjsonschema.JsonSchemaValueException as error:
                wrong.append(f"$.eniConfig: {error.message}")
        elif key not in _OTHERS:
            wrong.append(f"$.{key}: is not defined in the schema and the schema does not allow additional properties")
        else:
            kinds = _OTHERS[key]["type"]
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if not isinstance(value, tuple(_TYPES[k] for k in kinds)):
                wrong.append(f"$.{key}: {type(value).__name__} found, {kinds[0]} expected")
    if wrong:
        raise _refused(f"Json schema validation failed with error: [{', '.join(wrong)}]")
    return values


def _env(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"$.env: {type(value).__name__} found, object expected"]
    unknown = [f"$.env.{k}: is not defined in the schema and the schema does not allow additional properties"
               for k in value if k not in ENV]
    return unknown + [f"$.env.{k}: {type(v).__name__} found, string expected" for k, v in value.items()
                      if k in ENV and not isinstance(v, str)]


def _refused(why: str) -> AwsError:
    return AwsError("InvalidParameterException", f"ConfigurationValue provided in request is not supported: {why}")
