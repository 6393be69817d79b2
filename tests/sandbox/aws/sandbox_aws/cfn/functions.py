"""CloudFormation's intrinsic functions ("Intrinsic function reference", CloudFormation user guide)."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any

from .template import wrong

NO_VALUE = object()


@dataclass
class Scope:
    """The values that a template's functions can use."""

    template: dict[str, Any]
    parameters: dict[str, Any]
    pseudo: dict[str, Any]
    zones: list[str] = field(default_factory=list)
    physical: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    ssm: Any = None  # name -> value
    _conditions: dict[str, bool] = field(default_factory=dict)

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            if name not in self.template.get("Conditions", {}):
                raise wrong(f"Template error: unresolved condition dependency {name}")
            self._conditions[name] = self.truth(self.template["Conditions"][name])
        return self._conditions[name]

    def truth(self, value: Any) -> bool:
        if isinstance(value, dict) and len(value) == 1:
            (name, args), = value.items()
            if name == "Condition":
                return self.condition(args)
            if name == "Fn::And":
                return all(self.truth(a) for a in args)
            if name == "Fn::Or":
                return any(self.truth(a) for a in args)
            if name == "Fn::Not":
                return not self.truth(args[0])
            if name == "Fn::Equals":
                left, right = (_text(self.resolve(a)) for a in args)
                return left == right
        raise wrong("Template format error: Conditions can only be boolean operations on parameters and other conditions")

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [r for r in (self.resolve(v) for v in value) if r is not NO_VALUE]
        if not isinstance(value, dict):
            return self._dynamic(value) if isinstance(value, str) else value
        if len(value) == 1:
            (name, args), = value.items()
            if name == "Ref":
                return self.ref(args)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name[4:], args)
        return {k: r for k, r in ((k, self.resolve(v)) for k, v in value.items()) if r is not NO_VALUE}

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self.parameters, self.pseudo, self.physical):
            if name in known:
                return known[name]
        raise wrong(f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the "
                    "template")

    def attribute(self, name: str, attribute: str) -> Any:
        known = self.attributes.get(name, {})
        if attribute not in known:
            kind = self.template["Resources"].get(name, {}).get("Type", "?")
            raise wrong(f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt "
                        f"({kind})")
        return known[attribute]

    def _dynamic(self, text: str) -> str:
        def put(match: re.Match[str]) -> str:
            found = self.ssm(match[1]) if self.ssm else None
            if found is None:
                raise wrong(f"Parameters: [{match[1]}] cannot be found.")
            return found

        return re.sub(r"\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}", put, text) if "{{resolve:ssm:" in text else text

    def _call(self, name: str, args: Any) -> Any:
        method = getattr(self, f"_fn_{name.lower()}", None)
        if method is None:
            raise wrong(f"Template error: Unsupported intrinsic function Fn::{name}")
        return method(args)

    def _fn_getatt(self, args: Any) -> Any:
        parts = args if isinstance(args, list) else args.split(".", 1)
        return self.attribute(parts[0], _text(self.resolve(parts[1])))

    def _fn_sub(self, args: Any) -> str:
        text, own = (args[0], self.resolve(args[1])) if isinstance(args, list) else (args, {})

        def put(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in own:
                return _text(own[name])
            if "." in name:
                return _text(self.attribute(*name.split(".", 1)))
            return _text(self.ref(name))

        return re.sub(r"\$\{!([^}]*)\}", r"${\1}", re.sub(r"\$\{([^!}][^}]*)\}", put, text))

    def _fn_join(self, args: Any) -> str:
        return str(args[0]).join(_text(v) for v in _items(self.resolve(args[1])))

    def _fn_split(self, args: Any) -> list[str]:
        return _text(self.resolve(args[1])).split(str(args[0]))

    def _fn_select(self, args: Any) -> Any:
        index, items = int(self.resolve(args[0])), _items(self.resolve(args[1]))
        if not 0 <= index < len(items):
            raise wrong("Template error: Fn::Select cannot select nonexistent value at index " + str(index))
        return items[index]

    def _fn_if(self, args: Any) -> Any:
        return self.resolve(args[1] if self.condition(args[0]) else args[2])

    def _fn_findinmap(self, args: Any) -> Any:
        names = [_text(self.resolve(a)) for a in args[:3]]
        found: Any = self.template.get("Mappings", {})
        for name in names:
            if not isinstance(found, dict) or name not in found:
                if len(args) > 3 and isinstance(args[3], dict) and "DefaultValue" in args[3]:
                    return self.resolve(args[3]["DefaultValue"])
                raise wrong(f"Template error: Unable to get mapping for {'::'.join(names)}")
            found = found[name]
        return found

    def _fn_base64(self, args: Any) -> str:
        return base64.b64encode(_text(self.resolve(args)).encode()).decode()

    def _fn_cidr(self, args: Any) -> list[str]:
        block, count, bits = _text(self.resolve(args[0])), int(self.resolve(args[1])), int(self.resolve(args[2]))
        network = ipaddress.ip_network(block)
        parts = network.subnets(new_prefix=network.max_prefixlen - bits)
        return [str(p) for _, p in zip(range(count), parts, strict=False)]

    def _fn_getazs(self, args: Any) -> list[str]:
        return list(self.zones)

    def _fn_importvalue(self, args: Any) -> str:
        name = _text(self.resolve(args))
        if name not in self.exports:
            raise wrong(f"No export named {name} found.")
        return self.exports[name]

    # Conditions are allowed where values are.
    def _fn_equals(self, args: Any) -> bool:
        return self.truth({"Fn::Equals": args})

    def _fn_and(self, args: Any) -> bool:
        return self.truth({"Fn::And": args})

    def _fn_or(self, args: Any) -> bool:
        return self.truth({"Fn::Or": args})

    def _fn_not(self, args: Any) -> bool:
        return self.truth({"Fn::Not": args})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        raise wrong("Template error: every value of Fn::Join, Fn::Sub and the like must be a string")
    return str(value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
