"""CloudFormation's quotas on templates and parameters ("Understand CloudFormation quotas", user guide)."""

from __future__ import annotations

from typing import Any

from .template import wrong

BODY, DESCRIPTION, VALUE = 51_200, 1_024, 4_096  # bytes
_COUNTS = {"Parameters": 200, "Resources": 500, "Outputs": 200, "Mappings": 200}


def check(params: dict[str, Any], template: dict[str, Any]) -> None:
    body = params.get("TemplateBody", "")
    if len(body.encode()) > BODY:
        raise _long(f"'{body[:64]}...' at 'templateBody'", BODY)
    if len(str(template.get("Description", "")).encode()) > DESCRIPTION:
        raise wrong(f"Template format error: 'Description' length is greater than {DESCRIPTION}.")
    for section, most in _COUNTS.items():
        if len(template.get(section, {})) > most:
            raise wrong(f"Template format error: Number of {section.lower()}, {len(template[section])}, is greater than "
                        f"maximum allowed, {most}")
    for index, row in enumerate(params.get("Parameters", []), 1):
        if len(row.get("ParameterValue", "").encode()) > VALUE:
            raise _long(f"'{row['ParameterValue'][:64]}...' at 'parameters.{index}.member.parameterValue'", VALUE)


def _long(what: str, most: int) -> Exception:
    return wrong(f"1 validation error detected: Value {what} failed to satisfy constraint: Member must have length less "
                 f"than or equal to {most}")
