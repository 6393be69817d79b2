"""UpdateAddon: the effect of omitted parameters."""

from __future__ import annotations

import time
from typing import Any

from .support import Account


class Addons(Account):
    shape = {"cni": "addon", "irsa": True, "addon_values": "env:\n  WARM_ENI_TARGET: '2'  # one spare\n"}

    def update(self, **params: Any) -> dict[str, Any]:
        self.call("eks", "UpdateAddon", clusterName="sandbox", addonName="vpc-cni", **params)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            addon = self.call("eks", "DescribeAddon", clusterName="sandbox", addonName="vpc-cni")["addon"]
            if addon["status"] == "ACTIVE":
                return addon
            time.sleep(0.05)
        raise AssertionError("the add-on is not ACTIVE")

    def test_an_omitted_role_is_cleared_and_other_omitted_values_are_kept(self) -> None:
        role = self.ids["cni_role_arn"]
        identity = {"serviceAccount": "aws-node", "roleArn": role}
        before = self.update(serviceAccountRoleArn=role, podIdentityAssociations=[identity])
        self.assertEqual(before["serviceAccountRoleArn"], role)
        after = self.update(resolveConflicts="PRESERVE")
        self.assertNotIn("serviceAccountRoleArn", after)
        for kept in ("podIdentityAssociations", "configurationValues", "addonVersion"):
            self.assertEqual(after[kept], before[kept])
        self.assertNotIn("podIdentityAssociations", self.update(podIdentityAssociations=[]))
