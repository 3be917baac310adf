"""The suite on every supported pair of Python and Django, and on the oldest packages.

``nox --list`` shows the sessions. Arguments after ``--`` go to pytest instead of the
whole suite: ``nox -s "tests(python='3.13', django='6.1')" -- -n 0 tests/domain``.
"""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.4.15"
nox.options.reuse_existing_virtualenvs = True

#: Django 6 needs Python 3.12.
MATRIX = [
    ("3.11", "5.2"),
    ("3.12", "5.2"),
    ("3.13", "5.2"),
    ("3.12", "6.0"),
    ("3.13", "6.0"),
    ("3.12", "6.1"),
    ("3.13", "6.1"),
]

#: The oldest versions that pyproject.toml allows.
LOWEST = ("django==5.2.0", "djangorestframework==3.16.0")
#: The extra ``binary`` of this version names a version that was never published.
LOWEST_PSYCOPG = ("psycopg==3.2.0", "psycopg-binary==3.2.0")


@nox.session
@nox.parametrize("python,django", MATRIX)
def tests(session: nox.Session, django: str) -> None:
    """Run the suite with this Django and the newest other packages."""
    session.install("--editable", ".[test]", f"django~={django}.0")
    run_suite(session)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the suite with the oldest dependencies."""
    session.install("--editable", ".[test]", *LOWEST)
    session.install("--no-deps", *LOWEST_PSYCOPG)
    run_suite(session)


def run_suite(session: nox.Session) -> None:
    """Run what ``make pytest`` runs, or pytest with the arguments of the session."""
    session.run("python", "-m", "django", "--version")
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
    else:
        session.run("make", "suite", f"BIN={session.bin}", external=True)
