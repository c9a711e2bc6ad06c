"""The distance to the process without mass never exceeds its bound, on random and on adversarial index paths."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from underdamped import Constant, ExponentialDecay, PowerDecay
from underdamped.theory import mass_gap, mass_gap_limit, sgp_gradient_bound

MU, L = 0.5, 2.0


class Components:
    """Four strongly convex components on the plane: grad Phi_i = mu (x - b_i) + (L - mu) R_i tanh-like part."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.shifts = rng.normal(size=(4, 2))
        self.directions = rng.normal(size=(4, 2))
        self.directions /= np.linalg.norm(self.directions, axis=1, keepdims=True)

    def gradient(self, i, x):
        """Hessian mu + (L - mu) d d^T sech^2(d . x), between mu and L."""
        d = self.directions[i]
        return MU * (x - self.shifts[i]) + (L - MU) * math.tanh(d @ x) * d


def worst_ratio(components, mass, friction, waits, choose, velocity, decay_rate=0.0, horizon=math.inf, mu=MU):
    """Largest |q - theta| / (K m(t)) over an index path, theta from the exact same path, G measured along it."""
    state = np.concatenate([np.zeros(2), velocity, np.zeros(2)])
    now, ratios, largest_gradient = 0.0, [], 0.0
    for n, wait in enumerate(waits):
        i = choose(n, state)

        def flow(t, z, i=i):
            force = components.gradient(i, z[:2]) + friction * z[2:4]
            return np.concatenate([z[2:4], -force / mass(t), -components.gradient(i, z[4:]) / friction])

        times = np.linspace(now, now + wait, 12)
        path = solve_ivp(flow, (now, now + wait), state, method="LSODA", t_eval=times, rtol=1e-8, atol=1e-11).y
        for t, z in zip(times, path.T, strict=True):
            ratios.append(np.linalg.norm(z[:2] - z[4:]) / mass(t))
            gradients = [np.linalg.norm(components.gradient(j, z[4:])) for j in range(4)]
            largest_gradient = max(largest_gradient, *gradients)
        state, now = path[:, -1], now + wait
    bound = mass_gap(
        mass(0.0),
        mu,
        L,
        largest_gradient,
        friction=friction,
        initial_speed=np.linalg.norm(velocity),
        decay_rate=decay_rate,
        horizon=horizon if math.isinf(horizon) else now,
    )
    assert math.isfinite(bound)
    return max(ratios) / bound, largest_gradient


def push_apart(components):
    """The index that drives q away from theta: the worst component for the present difference."""

    def choose(n, state):
        q, theta = state[:2], state[4:]
        away = q - theta if n else state[2:4]
        return max(range(4), key=lambda i: -away @ components.gradient(i, q))

    return choose


CASES = [
    (Constant(0.08), 1.0, 0.0),
    (Constant(0.01), 1.0, 0.0),
    (Constant(0.3), 2.0, 0.0),
    (ExponentialDecay(0.05, rate=0.2), 1.0, 0.2),
    (PowerDecay(0.04, rate=0.25), 1.0, 0.25),
    (ExponentialDecay(0.1, rate=0.1), 1.6, 0.1),
]


@pytest.mark.parametrize(("mass", "friction", "decay_rate"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("adversarial", [False, True])
@pytest.mark.parametrize("velocity", [(0.0, 0.0), (2.0, -1.0)])
def test_the_gap_stays_below_its_bound(mass, friction, decay_rate, seed, adversarial, velocity):
    rng, components = np.random.default_rng(seed), Components(seed)
    choose = push_apart(components) if adversarial else lambda n, state: rng.integers(4)
    waits = rng.exponential(0.3, size=25)
    ratio, _ = worst_ratio(components, mass, friction, waits, choose, np.array(velocity), decay_rate)
    assert 1e-3 < ratio <= 1  # and it is a bound of the right size


def test_convex_components_have_a_bound_on_a_horizon():
    rng, components = np.random.default_rng(5), Components(5)
    waits = rng.exponential(0.3, size=8)
    ratio, _ = worst_ratio(
        components, Constant(0.05), 1.0, waits, lambda n, state: rng.integers(4), np.ones(2), horizon=0.0, mu=0.0
    )
    assert ratio <= 1


@pytest.mark.parametrize("adversarial", [False, True])
def test_the_gradient_along_the_path_stays_below_its_bound(adversarial):
    rng, components = np.random.default_rng(2), Components(2)
    choose = push_apart(components) if adversarial else lambda n, state: rng.integers(4)
    _, largest = worst_ratio(components, Constant(0.05), 1.0, rng.exponential(0.3, size=20), choose, np.zeros(2))
    # Any point will do for theta*: the proof uses no property of it.
    at_zero = max(np.linalg.norm(components.gradient(i, np.zeros(2))) for i in range(4))
    assert largest <= sgp_gradient_bound(MU, L, at_zero, distance=0.0)


def test_at_a_tenth_of_the_mass_the_gap_is_a_tenth():
    # Theorem 6 at delta = 0, measured: the bound's order in m is the true one.
    components, waits = Components(3), np.random.default_rng(3).exponential(0.3, size=12)
    gaps = []
    for m in (1e-2, 1e-3):
        rng = np.random.default_rng(4)
        ratio, gradient = worst_ratio(
            components, Constant(m), 1.0, waits, lambda n, state, rng=rng: rng.integers(4), np.zeros(2)
        )
        gaps.append(ratio * m * mass_gap(m, MU, L, gradient))
    assert math.log10(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.1)


@given(st.floats(0.01, 0.99), st.floats(0.05, 1), st.floats(1, 20), st.floats(0, 0.9), st.floats(0.2, 5))
def test_finite_exactly_below_the_limit(share, mu, ratio, decay, friction):
    options = {"friction": friction, "decay_rate": decay * mu / friction}
    limit = mass_gap_limit(mu, ratio * mu, **options)
    assert limit > 0
    assert math.isfinite(mass_gap(share * limit, mu, ratio * mu, 1.0, **options))
    assert mass_gap(limit, mu, ratio * mu, 1.0, **options) == math.inf


@given(st.floats(0.2, 5), st.floats(0.1, 10), st.floats(0, 3))
def test_friction_only_changes_the_units(friction, horizon, speed):
    # q(alpha s) solves the equation with friction 1, mass m / alpha^2 and velocity alpha p.
    m = 0.5 * mass_gap_limit(MU, L, friction=friction, horizon=horizon)
    gap = m * mass_gap(m, MU, L, 3.0, friction=friction, initial_speed=speed, horizon=horizon)
    scaled = m / friction**2
    same = scaled * mass_gap(scaled, MU, L, 3.0, initial_speed=friction * speed, horizon=horizon / friction)
    assert gap == pytest.approx(same, rel=1e-10)


def test_nothing_is_claimed_for_a_mass_lost_too_fast_or_for_ever_without_strong_convexity():
    assert mass_gap(1e-9, 0.5, 2.0, 1.0, decay_rate=0.6) == math.inf
    assert mass_gap(1e-9, 0.0, 2.0, 1.0) == math.inf
    assert math.isfinite(mass_gap(1e-9, 0.0, 2.0, 1.0, horizon=3.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mass_gap(0.0, 1.0, 2.0, 1.0), "`initial_mass` must be positive, got 0.0"),
        (lambda: mass_gap(0.1, 2.0, 1.0, 1.0), "`max_curvature` must be at least min_curvature=2.0, got 1.0"),
        (lambda: mass_gap_limit(1.0, 2.0, horizon=0.0), "`horizon` must be positive, got 0.0"),
        (lambda: sgp_gradient_bound(0.0, 2.0, 1.0, 1.0), "`min_curvature` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
