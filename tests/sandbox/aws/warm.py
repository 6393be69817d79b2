"""A Python program that starts warm: one process imports it, and forks for each run.

  warm.py serve FOLDER MODULE NAME   imports MODULE, calls its warm_up(), and serves FOLDER/socket until stdin is
                                     closed; then it deletes FOLDER. The file FOLDER/NAME asks for a run:
  warm.py run FOLDER ARG...          runs MODULE.main() there with these arguments, and this process's environment,
                                     folder, stdin, stdout and stderr; exits with its code

A run ends when the process that asked for it ends.
"""

import json
import os
import signal
import socket
import struct
import sys


def main():
    what, folder, *rest = sys.argv[1:]
    if what == "serve":
        serve(folder, *rest)
    else:
        sys.exit(run(folder, rest))


def run(folder, args):
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(os.path.join(folder, "socket"))
            request = json.dumps({"args": args, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
            socket.send_fds(server, [struct.pack("!I", len(request))], [0, 1, 2])
            server.sendall(request)
            code = server.recv(1)
        except OSError as error:
            print(f"warm.py: {error}", file=sys.stderr)
            code = b""
    if code:
        return code[0]
    print(f"warm.py: no exit code; the log is {folder}/log", file=sys.stderr)
    try:
        with open(os.path.join(folder, "log"), errors="replace") as log:
            print(*log.readlines()[-20:], sep="", end="", file=sys.stderr)
    except OSError:
        pass
    return 1


def serve(folder, module, name):
    import gc
    import importlib
    import select
    import shlex
    import shutil

    command = shlex.join([sys.executable, "-I", "-S", os.path.abspath(__file__), "run", folder])
    with open(os.path.join(folder, name), "w") as file:
        file.write(f'#!/bin/sh\nexec {command} "$@"\n')
        os.fchmod(file.fileno(), 0o755)

    listener = socket.socket(socket.AF_UNIX)
    new = os.path.join(folder, "socket.new")
    listener.bind(new)
    listener.listen(64)
    # From here on runs can connect; they wait until the module is imported.
    os.rename(new, os.path.join(folder, "socket"))
    before = dict(os.environ)
    module = importlib.import_module(module)
    module.warm_up()
    # Some modules set variables for themselves.
    own = {name: value for name, value in os.environ.items() if before.get(name) != value}
    # A garbage collection in a fork would touch, and so copy, everything that was imported.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready and not os.read(0, 4096):
            shutil.rmtree(folder, ignore_errors=True)
            return
        if listener in ready:
            client, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                fork(client, module, own)
            client.close()


def fork(client, module, own):
    """The forked process: becomes the process that asked, and never returns."""
    import threading
    import traceback

    code = 1
    try:
        head, fds, _, _ = socket.recv_fds(client, 4, 3)
        size, = struct.unpack("!I", head)
        text = b""
        while len(text) < size:
            part = client.recv(size - len(text))
            if not part:
                os._exit(1)
            text += part
        request = json.loads(text)
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
            os.close(fd)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"] | own)
        sys.argv[1:] = request["args"]
        threading.Thread(target=end_with, args=(client,), daemon=True).start()
        code = module.main()
    except SystemExit as exit:
        code = exit.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            code = 120  # as Python exits then
        try:
            client.sendall(bytes([(code or 0) & 255]))
        finally:
            os._exit((code or 0) & 255)


def end_with(client):
    try:
        client.recv(1)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
