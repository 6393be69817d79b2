"""A small client for the cluster's API server with the sandbox's own token."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import yaml

_PLURAL = {"ServiceAccount": "serviceaccounts", "ClusterRole": "clusterroles", "ConfigMap": "configmaps",
           "ClusterRoleBinding": "clusterrolebindings", "DaemonSet": "daemonsets", "Deployment": "deployments",
           "Role": "roles", "RoleBinding": "rolebindings", "Service": "services",
           "CustomResourceDefinition": "customresourcedefinitions", "ENIConfig": "eniconfigs"}


class Refused(Exception):
    """The API server rejected the request; `status` is its Status object."""

    def __init__(self, code: int, status: dict[str, Any]):
        super().__init__(f"{code}: {status.get('message', '')}")
        self.code, self.status = code, status

    @property
    def causes(self) -> list[dict[str, str]]:
        return self.status.get("details", {}).get("causes", [])


class Client:
    def __init__(self, kubeconfig: Path):
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._url = urlparse(cluster["server"])
        self._token = user.get("token", "")
        context = ssl.create_default_context()
        if cluster.get("certificate-authority-data"):
            context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        elif cluster.get("certificate-authority"):
            context.load_verify_locations(kubeconfig.parent / cluster["certificate-authority"])
        self._context = context

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        connection = http.client.HTTPSConnection(self._url.hostname or "", self._url.port, context=self._context, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", "Content-Type": kind,
                       "User-Agent": "eks-addon-manager"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text.decode("utf-8", "replace")}
        if response.status >= 300:
            raise Refused(response.status, answer)
        return answer

    def apply(self, document: dict[str, Any], manager: str, force: bool, dry_run: bool = False) -> Any:
        """Server-side apply."""
        query = f"?fieldManager={manager}&force={str(force).lower()}" + ("&dryRun=All" if dry_run else "")
        return self.request("PATCH", path_of(document) + query, document, "application/apply-patch+yaml")

    def wait_ready(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.request("GET", "/api/v1/namespaces/kube-system")
                return True
            except (Refused, OSError, http.client.HTTPException):
                time.sleep(0.2)
        return False


def path_of(document: dict[str, Any]) -> str:
    version, meta = document["apiVersion"], document["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{meta['namespace']}" if meta.get("namespace") else ""
    return f"{base}{namespace}/{_PLURAL[document['kind']]}/{meta['name']}"
