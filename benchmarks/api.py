"""Measure reads over HTTP against bare Django views, side by side in one run.

``python benchmarks/api.py`` starts a PostgreSQL server and a site of its own (or uses
``DATABASE_URL``), and signs a user in. It then requests ``me/`` and ``achievements/``
of the API in turns with two bare views, each of which answers the same JSON from one
raw query. Both have the same server, middleware and session, and one connection that
stays open. It prints the median of the requests per second, and their share of the bare
view's rate.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.recording import SERVER, fill, set_up_django  # noqa: E402

API = "/api/gamification/v1"

#: Each address of the API with the bare view that answers the same.
PAIRS = {
    f"{API}/me/": "/bare/me/",
    f"{API}/achievements/": "/bare/achievements/",
}


def sign_in() -> str:
    """Return the cookie of a user with a history."""
    from django.contrib.auth import (
        BACKEND_SESSION_KEY,
        HASH_SESSION_KEY,
        SESSION_KEY,
        get_user_model,
    )
    from django.contrib.sessions.backends.db import SessionStore

    user = get_user_model().objects.get(pk=1)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


def serve(url: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start the site with one thread; return its process and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers=1", "--threads=1"]
    command += ["--worker-class=gthread", "--keep-alive=60", "--log-level=error"]
    command += [f"--bind=127.0.0.1:{port}", "benchmarks.api_site:application"]
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment), port


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection to the site once it answers."""
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.connect()
        except OSError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit("The site does not answer.")


def ask(connection: http.client.HTTPConnection, address: str, cookie: str) -> bytes:
    connection.request("GET", address, headers={"Cookie": cookie})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, (response.status, body)
    return body


def measure(
    connection: http.client.HTTPConnection, address: str, cookie: str, seconds: float
) -> float:
    """Return the requests per second of one client."""
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        ask(connection, address, cookie)
        count += 1
    return count / elapsed


def compare(port: int, cookie: str, seconds: float, rounds: int) -> None:
    """Print the rate of each address, and its share of the bare view's."""
    connection = connect(port)
    for address, bare in PAIRS.items():
        ours = json.loads(ask(connection, address, cookie))
        same = json.loads(ask(connection, bare, cookie))
        assert ours.keys() == same.keys(), ours.keys() ^ same.keys()
    addresses = [*PAIRS, *PAIRS.values()]
    rates: dict[str, list[float]] = {address: [] for address in addresses}
    for _ in range(rounds):
        for address, measured in rates.items():
            measured.append(measure(connection, address, cookie, seconds))
    print(f"{'':40}requests/s   bare view   share")
    for address, bare in PAIRS.items():
        rate, limit = median(rates[address]), median(rates[bare])
        print(f"{address:40}{rate:10,.0f}{limit:12,.0f}{rate / limit:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server(SERVER)
    set_up_django(url)
    fill(url, options.users)
    cookie = sign_in()
    site, port = serve(url)
    try:
        compare(port, cookie, options.seconds, options.rounds)
    finally:
        site.terminate()
        site.wait()


if __name__ == "__main__":
    main()
