# SPDX-License-Identifier: MIT
"""The fixture kreg_env for pytest: each test has a namespace of its own, and nothing of it is left however it ends.

    @pytest.mark.kreg_services("services.ini")      # or without, for an empty namespace
    def test_it(kreg_env):
        kreg_env.registry.lookup(kreg_env.key("server"))

The registry is $KREG_REGISTRY, otherwise "test".
"""
from __future__ import annotations

import os
from typing import Any, Iterator

import pytest

from . import Isolation, Registry


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "kreg_services(file): the services of kreg_env, see kreg_services(5)")


@pytest.fixture
def kreg_env(request: Any) -> Iterator[Isolation]:
    marker = request.node.get_closest_marker("kreg_services")
    with Registry(os.environ.get("KREG_REGISTRY", "test")) as registry:
        with Isolation(registry, marker.args[0] if marker else None) as isolation:
            yield isolation
