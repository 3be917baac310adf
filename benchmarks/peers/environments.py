"""Virtual environments of the packages, made on demand under ``.bench/``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers.packages import Peer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bench"
SCRIPT = Path(__file__).with_name("clients.py")


class UnavailableError(Exception):
    """The script cannot measure a package here; the message is the reason."""


def find_python(version: str) -> str:
    """Return an interpreter from the path or from pyenv."""
    on_path = shutil.which(f"python{version}")
    # A pyenv shim is on the path even for versions that are not selected.
    if on_path and "shims" not in on_path:
        return on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    if not found:
        raise UnavailableError(f"Python {version} is not installed")
    return str(found[-1])


def make_environment(peer: Peer) -> Path:
    """Return the interpreter of a package's environment, which it makes once."""
    folder = FOLDER / peer.name
    interpreter, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join([f"{peer.name}=={peer.version}", *peer.needs])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _run(peer, find_python(peer.python), "-m", "venv", str(folder))
        install = [str(interpreter), "-m", "pip", "install", "--quiet"]
        _run(peer, *install, *wanted.splitlines())
        stamp.write_text(wanted)
    return interpreter


def _run(peer: Peer, *command: str) -> str:
    """Return what a command prints; raise the last line of its errors."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        reason = lines[-1].replace(str(ROOT), "").replace("|", "/")[:200]
        raise UnavailableError(f"{peer.name} {peer.version}: {reason}")
    return done.stdout


def ask(peer: Peer, task: str, *arguments: Any) -> Any:
    """Do one task of ``clients.py``; return its answer."""
    printed = _run(peer, *_command(peer, task, *arguments))
    return json.loads(printed.splitlines()[-1])


def ask_together(peer: Peer, task: str, clients: list[tuple[Any, ...]]) -> list[Any]:
    """Let some clients do a task at the same time; return their answers."""
    processes = [
        subprocess.Popen(
            _command(peer, task, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for arguments in clients
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    printed = [process.communicate()[0] for process in processes]
    return [json.loads(each) for each in printed]


def _command(peer: Peer, task: str, *arguments: Any) -> list[str]:
    interpreter = FOLDER / peer.name / "bin" / "python"
    return [str(interpreter), "-W", "ignore", str(SCRIPT), task, *map(str, arguments)]
