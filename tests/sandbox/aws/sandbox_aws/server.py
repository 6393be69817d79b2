"""The HTTP server: AWS's APIs and the sandbox's own endpoints on one port, and a log of requests."""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import traceback
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import consistency, errors, idempotency, others, private_api, sigv4, wire
from .errors import AwsError
from .gate import Gate, mutating
from .world import Context, World


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, world: World):
        self.world_port = world.port
        super().__init__(("127.0.0.1", world.port), Handler)
        self.world = world
        self.gate = Gate(world)
        self.log = open(world.directory / "aws.log", "a", buffering=1, encoding="utf-8")

    def server_bind(self) -> None:
        """Skips the lookup of the host name, which takes seconds on some machines."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.world_port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that close the connection; reports everything else."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            traceback.print_exc(file=sys.stderr)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _handle(self) -> None:
        body = self._body()
        path, _, query = self.path.partition("?")
        if path.startswith("/sandbox/"):
            status, answer = private_api.handle(self.server.world, self.command, path, body)
            self._send(status, {"Content-Type": "application/json"}, json.dumps(answer).encode())
            return
        headers = {k.lower(): v.strip() for k, v in self.headers.items()}
        reply = Exchange(self.server, self.command, path, query, headers, body).answer()
        if reply is None:  # lost
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(*reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "status"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(body)
        self.flush_headers()  # headers and body in one segment


class Exchange:
    """One AWS request and its response."""

    def __init__(self, server: Server, method: str, path: str, query: str, headers: dict[str, str], body: bytes):
        self.server, self.world, self.gate = server, server.world, server.gate
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body
        self.request_id = str(uuid.uuid4())
        self.signed = sigv4.read(headers, query)
        self.caller: Any = None
        self.call: wire.Call | None = None
        self.lost = self.done_anyway = False
        scope = self.signed.service if self.signed else self._unsigned_service()
        self.service = wire.SERVICES.get(scope, scope)

    def _unsigned_service(self) -> str:
        version = (self.body.decode("utf-8", "replace") + "&" + self.query).partition("Version=")[2][:10]
        versions = {"2016-11-15": "ec2", "2011-01-01": "autoscaling", "2010-05-15": "cloudformation",
                    "2010-05-08": "iam", "2011-06-15": "sts"}
        if version in versions:
            return versions[version]
        return "ssm" if self.headers.get("x-amz-target", "").startswith("AmazonSSM") else "eks"

    def answer(self) -> tuple[int, dict[str, str], bytes] | None:
        code = None
        try:
            status, headers, body = wire.write(self._require(), self._result(), self.request_id)
        except AwsError as error:
            code = error.code
            status, headers, body = wire.write_error(self.service, error, self.request_id)
        except Exception:  # a bug here must look like an AWS error and be noticed
            traceback.print_exc(file=sys.stderr)
            code = "InternalFailure"
            status, headers, body = wire.write_error(self.service, errors.internal(self.service), self.request_id)
        headers.setdefault("x-amzn-RequestId", self.request_id)
        headers["x-amz-request-id"] = self.request_id
        self._log(status, code)
        return None if self.lost else (status, headers, body)

    def _require(self) -> wire.Call:
        if self.service not in wire.SERVICES.values():
            raise AwsError("UnknownServiceException", f"the sandbox does not emulate {self.service}", 404)
        self.caller = self.gate.authenticate(self.service, self.signed, self.method, self.path, self.query,
                                             self.headers, self.body)
        url = f"http://{self.headers.get('host', '127.0.0.1')}{self.path}" + (f"?{self.query}" if self.query else "")
        self.call = wire.read(self.service, self.method, url, self.query, self.headers, self.body)
        return self.call

    def _result(self) -> dict[str, Any]:
        call = self.call
        assert call and self.signed
        context = Context(self.world, call.service, call.operation, self.signed.region, self.caller, self.request_id)
        with self.world.lock:
            self.gate.admit(call, self.caller, self.signed.region)
            result = idempotency.once(context, call.params, lambda: consistency.run(context, call.params))
            if not self.caller.quiet and not self.caller.background:
                others.after(self.world, call.service, call.operation)
                if mutating(call.operation, call.params):
                    others.interrupt(self.world)
            fate = self.gate.fate(call, self.caller)
        self.lost = fate == "lost_reply"
        if fate == "late_error":
            self.done_anyway = True
            raise errors.internal(call.service)
        return result

    def _log(self, status: int, code: str | None) -> None:
        operation = self.call.operation if self.call else wire.name_of(
            self.service, self.method, self.path, self.query, self.headers, self.body)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": now, "service": self.service, "operation": operation,
                "mutating": mutating(operation, self.call.params if self.call else None),
                "caller": self.caller.arn if self.caller else None, "user_agent": self.headers.get("user-agent"),
                "status": status, "error_code": code, "request_id": self.request_id}
        if self.lost:
            line["reply_lost"] = True
        if self.done_anyway:
            line["done_anyway"] = True
        self.server.log.write(json.dumps(line) + "\n")
