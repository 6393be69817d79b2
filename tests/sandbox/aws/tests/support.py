"""A seeded account for tests: called in process as AWS itself, or over HTTP as one of its users."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["MOTO_ACCOUNT_ID"] = "123456789012"

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from moto.ec2.models import ec2_backends  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.sts.models import sts_backends  # noqa: E402

from sandbox_aws import seed, services  # noqa: E402
from sandbox_aws.errors import AwsError  # noqa: E402
from sandbox_aws.server import Server  # noqa: E402
from sandbox_aws.shape import Shape  # noqa: E402
from sandbox_aws.world import World  # noqa: E402


class Account(unittest.TestCase):
    """One account per class; `shape` has the differences from a calm one with a plain DaemonSet."""

    shape: dict[str, Any] = {}
    speed = 1.0  # how much faster everything happens than in the sandbox
    world: World
    ids: dict[str, Any]

    @classmethod
    def setUpClass(cls) -> None:
        services.load()
        for backends in (ec2_backends, iam_backends, sts_backends):
            backends.reset()  # moto keeps one account per process
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.world = World(dataclasses.replace(Shape(), **{"aws": "calm", "cni": "daemonset", **cls.shape}),
                          Path(folder.name), port)
        seconds, speed = cls.world.seconds, cls.speed
        cls.world.seconds = lambda what: seconds(what) / speed  # type: ignore[method-assign]
        # Stop the timers of finished accounts; they would interfere with the next one.
        cls.addClassCleanup(cls.world.lock.acquire)
        cls.world.timers.start()
        seed.run(cls.world)
        cls.ids = json.loads((Path(folder.name) / "aws.json").read_text())

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        with self.world.lock:
            return self.world.call(service, operation, params)

    def all(self, service: str, operation: str, member: str) -> list[dict[str, Any]]:
        found, page = [], self.call(service, operation)
        while True:
            found += page[member]
            if not page.get("NextToken"):
                return found
            page = self.call(service, operation, NextToken=page["NextToken"])

    def until(self, what: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.02)
        self.fail("waited too long")

    def refused(self, code: str, service: str, operation: str, **params: Any) -> str:
        with self.assertRaises(AwsError) as caught:
            self.call(service, operation, **params)
        self.assertEqual(caught.exception.code, code)
        return caught.exception.message

    def fault(self, service: str, operation: str, kind: str, **more: Any) -> None:
        with self.world.lock:
            self.world.faults.append({"service": service, "operation": operation, "kind": kind, "times": 1, **more})


class Served(Account):
    """The same behind its HTTP server, as SDKs use it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        server = Server(cls.world)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.log.close)
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)

    def client(self, service: str, keys: dict[str, str] | None = None, tries: int = 1) -> Any:
        keys = keys or self.ids["keys"]["admin"]
        return boto3.client(service, endpoint_url=self.ids["endpoint"], region_name="us-west-2",
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"],
                            config=Config(parameter_validation=False,
                                          retries={"total_max_attempts": tries, "mode": "standard"}))

    def user(self, name: str, *statements: dict[str, Any]) -> dict[str, str]:
        """Keys of a new user with the permissions of the statements."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

    def denied(self, code: str, do: Callable[..., Any], **params: Any) -> ClientError:
        with self.assertRaises(ClientError) as caught:
            do(**params)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.world.directory / "aws.log").read_text().splitlines()]
