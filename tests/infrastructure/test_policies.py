"""Every policy holds in every environment, and every mutation of one is caught by it."""

import pickle
from collections.abc import Callable
from functools import cache

import pytest

from tests.infrastructure.deployment import Deployment
from tests.infrastructure.policies import (
    POLICIES,
    Change,
    Policy,
    access,
    capacity,
    configuration,
    edge,
    events,
    processes,
    scales,
    sites,
    stores,
    url_map,
)
from tests.infrastructure.world import World

MODULES = (access, capacity, configuration, edge, events, processes, scales, sites, stores, url_map)
MUTATIONS = [(policy, change) for policy in POLICIES for change in policy.mutations]


@pytest.fixture(scope="module")
def worlds(staging: Deployment, production: Deployment, two_cells: Deployment) -> dict[str, World]:
    """The environments after their first apply; and production grown by a cell, with another one promoted."""
    return {"staging": staging.world, "production": production.world, "two cells": two_cells.world}


def test_every_policy_is_shown_to_catch_something() -> None:
    """A policy that nothing breaks would also pass if it checked nothing."""
    assert {policy.check.__module__ for policy in POLICIES} == {module.__name__ for module in MODULES}
    assert [policy.name for policy in POLICIES if not policy.mutations] == []


@pytest.fixture(scope="module")
def findings(worlds: dict[str, World]) -> Callable[[str, Policy], list[str]]:
    """What a policy finds in an environment."""
    return cache(lambda environment, policy: list(policy.check(worlds[environment])))


@pytest.fixture(scope="module")
def copied(worlds: dict[str, World]) -> Callable[[], World]:
    """Makes a copy of production to change."""
    frozen = pickle.dumps(worlds["production"])
    return lambda: pickle.loads(frozen)


@pytest.mark.parametrize("environment", ["staging", "production", "two cells"])
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_policy(
    policy: Policy,
    environment: str,
    worlds: dict[str, World],
    findings: Callable[[str, Policy], list[str]],
    pytestconfig: pytest.Config,
) -> None:
    """What is wrong, a sentence each."""
    if policy is access.accounts_have_exactly_their_roles and pytestconfig.getoption("accept_roles"):
        access.accept(worlds["production"])
    assert findings(environment, policy) == []


@pytest.mark.parametrize(
    ("policy", "change"), MUTATIONS, ids=[f"{policy.name}-{change.__name__}" for policy, change in MUTATIONS]
)
def test_mutation_is_caught(
    policy: Policy,
    change: Change,
    copied: Callable[[], World],
    findings: Callable[[str, Policy], list[str]],
) -> None:
    """The policy finds something that it did not find before the change."""
    world = copied()
    change(world)
    assert set(policy.check(world)) - set(findings("production", policy))
