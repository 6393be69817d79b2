"""Cluster Autoscaler as seen by a group: it raises desired capacities while a pod is unschedulable.

Its auto-discovery finds Auto Scaling groups by the tags k8s.io/cluster-autoscaler/enabled and
k8s.io/cluster-autoscaler/<cluster>, and never goes beyond their maximum (cluster-autoscaler, cloudprovider/aws).
Here it requests the maximum at once, by SetDesiredCapacity, as long as pods are Pending.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from pathlib import Path

from .k8s import Client, Refused
from .world import Context, World

_EVERY = 0.5
_TAG = "k8s.io/cluster-autoscaler/enabled"


def start(world: World) -> None:
    if world.shape.autoscaler and world.shape.kubeconfig:
        threading.Thread(target=_run, args=(world,), name="autoscaler", daemon=True).start()


def _run(world: World) -> None:
    while True:
        time.sleep(_EVERY)
        try:
            client = Client(Path(world.shape.kubeconfig))
            if _pending(client):
                with world.lock:
                    _grow(world)
        except (Refused, OSError, http.client.HTTPException) as error:
            print(f"autoscaler: {error}", file=sys.stderr)


def _pending(client: Client) -> bool:
    pods = client.request("GET", "/api/v1/pods?fieldSelector=status.phase%3DPending")["items"]
    return any(c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"
               for pod in pods for c in pod.get("status", {}).get("conditions", []))


def _grow(world: World) -> None:
    context = Context(world, "autoscaling", "", world.shape.region)
    for group in list(world.home.groups.values()):
        if _TAG in group.tags and group.desired < group.maximum and not group.status:
            context.call("autoscaling", "SetDesiredCapacity", {
                "AutoScalingGroupName": group.name, "DesiredCapacity": group.maximum})
