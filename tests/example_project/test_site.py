from __future__ import annotations

import pytest

from example_project import asgi, wsgi


@pytest.mark.parametrize("module", [asgi, wsgi])
def test_servers_find_the_application(module):
    assert callable(module.application)
