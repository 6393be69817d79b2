"""Delayed actions. One thread runs them in the order of their time, under the world's lock."""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator


class Timers:
    def __init__(self, lock: threading.RLock):
        self._lock = lock
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self._wake = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._run, name="timers", daemon=True).start()

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), what))
            self._wake.notify()

    def spawn(self, steps: Generator[float, None, None], delay: float = 0.0) -> None:
        """Runs a generator that yields the seconds to wait."""

        def step() -> None:
            try:
                self.after(next(steps), step)
            except StopIteration:
                pass

        self.after(delay, step)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._wake.wait(self._due[0][0] - time.monotonic() if self._due else None)
                _, _, what = heapq.heappop(self._due)
            with self._lock:
                try:
                    what()
                except Exception:  # one failed step must not stop the account
                    traceback.print_exc(file=sys.stderr)
