"""Checks that hold for all answers of the API."""

from __future__ import annotations

from typing import Any


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Return the problem that ``response`` must be."""
    problem = response.json()
    expected = (status, "application/problem+json", status, code)
    found = (
        response.status_code,
        response["Content-Type"],
        problem["status"],
        problem["code"],
    )
    assert found == expected, problem
    assert {"type", "title", "detail"} < problem.keys()
    return problem


def errors_in(response: Any) -> dict[str, str]:
    """Return the codes of what is wrong with a request, by pointer."""
    errors = assert_problem(response, 400, "invalid")["errors"]
    return {error["pointer"]: error["code"] for error in errors}
