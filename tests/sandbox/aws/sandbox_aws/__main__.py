"""python -m sandbox_aws --port PORT --dir DIR, or the same by warm.py, which imports this module only once."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from pathlib import Path


def _die_with_stdin() -> None:
    """Exits with the parent, which holds the other end of the pipe."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def warm_up() -> None:
    """Imports everything, and reads the API models."""
    from moto.core.routing import get_service_router

    from . import autoscaler, seed, server, services, wire, world  # noqa: F401

    services.load()
    for service in wire.SERVICES.values():
        get_service_router(service)


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox_aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    args = parser.parse_args()
    if os.environ.get("SANDBOX_DIE_WITH_STDIN") == "1":
        threading.Thread(target=_die_with_stdin, daemon=True).start()

    # The default, a collection for every 700 new objects, is an eighth of this process's work.
    gc.set_threshold(50_000)
    from .shape import Shape

    shape = Shape.read(args.dir / "shape.json")
    os.environ["MOTO_ACCOUNT_ID"] = shape.account
    from moto.moto_api._internal import mock_random

    from . import autoscaler, seed, services
    from .server import Server
    from .world import World

    services.load()
    # Otherwise all forks of one process would give out the same ids.
    mock_random.seed()
    world = World(shape, args.dir, args.port)
    server = Server(world)
    world.timers.start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seed.run(world)
    autoscaler.start(world)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
