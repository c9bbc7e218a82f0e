"""Jobs of Snakemake without the seconds that each takes to import torch.

A server has imported what all commands import, and forks a process for each command; `swflow`,
first in the PATH of the jobs, asks it for one. What a command does is the same: its arguments,
folder, environment, files, exit code, and the signals it is sent.
"""

import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple, NoReturn

# Without site-packages, which a client needs not: it starts in 20 ms.
CLIENT = """#!{python} -IS
import json, os, signal, socket, struct
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
said = json.dumps([os.getcwd(), dict(os.environ), os.sys.argv[1:]]).encode()
socket.send_fds(server, [struct.pack("!I", len(said))], [0, 1, 2])
server.sendall(said)
pid, = struct.unpack("!i", server.recv(4, socket.MSG_WAITALL))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
status, = struct.unpack("!i", server.recv(4, socket.MSG_WAITALL))
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""
IMPORTED = ("simulate", "train", "score", "sample", "pictures", "figures", "tabulate", "prepare")
# Commands that step an optimizer, for which torch imports two seconds' worth of modules.
FITTING = ("train", "train-autoencoder", "train-features")


@contextmanager
def forked_commands(path: str) -> Iterator[Path]:
    """A folder with a `swflow` whose processes are forked; path: PYTHONPATH of the server."""
    folder = Path(tempfile.mkdtemp(prefix="forked-"))  # sockets want short paths
    address = folder / "socket"
    client = folder / "swflow"
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    environment = os.environ | {"PYTHONPATH": path}
    server = subprocess.Popen([sys.executable, __file__, str(address)], env=environment)
    try:
        while not address.exists():
            assert server.poll() is None, "the server of forked commands ended"
            time.sleep(0.02)
        yield folder
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def serve(address: str) -> None:
    """Fork a process for each command that is asked for, until SIGTERM."""
    for name in IMPORTED:
        importlib.import_module(f"swflow.stages.{name}")
    waiting = socket.socket(socket.AF_UNIX)
    waiting.bind(address + ".new")
    waiting.listen(16)
    Path(address + ".new").rename(address)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([waiting, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            report(running)
        if waiting in ready:
            asked, _ = waiting.accept()
            received = receive(asked)
            warm(fitting=not {*FITTING}.isdisjoint(received.arguments[:1]))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                run(asked, received)
            running[pid] = asked
            for file in received.files:
                os.close(file)


def report(running: dict[int, socket.socket]) -> None:
    """Tell clients how their processes ended."""
    for pid in list(running):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            asked = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            asked.sendall(struct.pack("!i", code))
            asked.close()


class Received(NamedTuple):
    """What a client said: its standard streams, folder, environment and arguments."""

    files: list[int]
    folder: str
    environment: dict[str, str]
    arguments: list[str]


def receive(asked: socket.socket) -> Received:
    """What this client says, once it is connected."""
    head, files, _, _ = socket.recv_fds(asked, 4, 3)
    (size,) = struct.unpack("!I", head)
    return Received(files, *json.loads(asked.recv(size, socket.MSG_WAITALL)))


@cache
def warm(*, fitting: bool) -> None:
    """What every such command would do again: load compiled kernels, or what optimizers import."""
    if fitting:
        importlib.import_module("torch._dynamo")
    else:
        row = importlib.import_module("numpy").zeros((1, 1), "float32")
        importlib.import_module("swflow.sliced.radix").sort(row, row.copy())


def run(asked: socket.socket, received: Received) -> NoReturn:
    """In the forked process: become what the client would have been, and end as it would."""
    for number, file in enumerate(received.files):
        os.dup2(file, number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(received.folder)
    os.environ.clear()
    os.environ.update(received.environment)
    sys.argv = ["swflow", *received.arguments]
    asked.sendall(struct.pack("!i", os.getpid()))
    from swflow.cli import main

    code = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        else:
            code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to end an interpreter that holds torch takes a second


if __name__ == "__main__":
    sys.path.pop(0)  # this folder's modules are tests
    serve(sys.argv[1])
