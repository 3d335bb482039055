# SPDX-License-Identifier: MIT
"""The fixture kreg_env, as pytest finds it by its entry point; run by cli_python.sh in a folder with services.ini."""
import os

import pytest

seen = set()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_namespace_of_its_own(kreg_env, turn):
    started = kreg_env.start("server", ["sleep", "1000"])
    assert kreg_env.registry[kreg_env.key("server")].owner == started.owner
    assert kreg_env.space not in seen
    seen.add(kreg_env.space)


@pytest.mark.kreg_services("services.ini")
def test_with_services(kreg_env):
    owner = kreg_env.registry[kreg_env.key("worker")].owner
    assert kreg_env.registry.is_alive(owner) and owner.pid != os.getpid()
