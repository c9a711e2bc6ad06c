"""The Lyapunov functions along accurate trajectories: they fall as proved, and the weight they ask for is needed."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from underdamped import Constant, ExponentialDecay, PowerDecay
from underdamped.theory import ConstantMassLyapunov, DecreasingMassLyapunov, quasi_strong_convexity

TIMES = np.linspace(0, 20, 401)


@dataclass(frozen=True)
class Potential:
    """A potential on the plane with its minimum, 0, at 0, and the constant of A2 at a given weight."""

    name: str
    value: Callable
    gradient: Callable
    convexity: Callable


def strongly_convex(weight):
    return quasi_strong_convexity(0.3, weight)


def example_2_convexity(weight):
    """The constant of A2 for the paper's Example 2, piece by piece.

    A2 asks for x phi'(x)/2 >= k (phi(x) + w^2 x^2/4). Where phi = x^2: if k (1 + w^2/4) <= 1. On (1, 2], where it reads
    x >= k (2x - 1 + w^2 x^2/4): if k (2 + w^2/2) <= 1. Beyond 2, where 1 <= x^2/4: if k (3/2 + w^2/2) <= 1.
    """
    return min(0.25, 1 / (2 + weight**2 / 2))


CURVATURES = np.array([0.3, 4.0])
QUADRATIC = Potential(
    "quadratic", lambda x: (CURVATURES * x * x).sum(-1) / 2, lambda x: CURVATURES * x, strongly_convex
)
LOG_COSH = Potential(
    "log cosh",
    lambda x: (0.15 * x * x + np.log(np.cosh(x))).sum(-1),
    lambda x: 0.3 * x + np.tanh(x),
    strongly_convex,
)
EXAMPLE_2 = Potential(
    "Example 2",
    lambda x: np.where(x <= 1, x * x, np.where(x <= 2, 2 * x - 1, x * x / 2 + 1)).sum(-1),
    lambda x: np.where(x <= 1, 2 * x, np.where(x <= 2, 2.0, x)),
    example_2_convexity,
)
every_potential = pytest.mark.parametrize("potential", [QUADRATIC, LOG_COSH, EXAMPLE_2], ids=lambda p: p.name)


def trajectory(potential, mass, friction, position, velocity):
    def flow(t, z):
        return np.concatenate([z[2:], -(potential.gradient(z[:2]) + friction * z[2:]) / mass(t)])

    start = np.concatenate([position, velocity])
    method = "Radau" if mass(TIMES[-1]) < 1e-3 else "DOP853"
    solution = solve_ivp(flow, (0, TIMES[-1]), start, method=method, t_eval=TIMES, rtol=1e-10, atol=1e-13, max_step=0.5)
    assert solution.success
    return solution.y[:2].T, solution.y[2:].T


STARTS = [([3.0, -2.0], [0.0, 0.0]), ([0.0, 0.0], [4.0, -1.0]), ([2.5, 1.0], [-6.0, 2.0])]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("friction", "mass"), [(1.0, 1.0), (3.0, 1.0), (0.7, 2.5), (1.5, 0.1)])
@every_potential
def test_at_constant_mass_it_falls_at_the_rate(potential, friction, mass, start):
    V = ConstantMassLyapunov(potential.convexity(friction / math.sqrt(mass)), friction, mass)
    q, p = trajectory(potential, Constant(mass), friction, *start)
    values = V(potential.value(q), q, p)
    # Between any two times, which says more than against time 0 alone.
    assert np.all(np.diff(values * np.exp(V.rate * TIMES)) <= 1e-7 * values[0])
    assert np.all(values >= potential.value(q) + friction**2 / (16 * mass) * (q * q).sum(-1) - 1e-12)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("kind", ["exponential", "power", "constant"])
@every_potential
def test_while_the_mass_is_lost_it_falls_at_the_rate(potential, kind, start):
    constant = potential.convexity(2.0)
    mass = {
        "exponential": ExponentialDecay(1.0, constant),
        "power": PowerDecay(1.0, constant),
        "constant": Constant(0.8),
    }[kind]
    V = DecreasingMassLyapunov(constant, mass)
    q, p = trajectory(potential, mass, 1.0, *start)
    values = V(TIMES, potential.value(q), q, p)
    assert np.all(np.diff(values * np.exp(V.rate * TIMES)) <= 1e-7 * values[0])
    assert np.all((q * q).sum(-1) <= 8 * values * (1 + 1e-12))
    one_by_one = [V(t, potential.value(x), x, y) for t, x, y in zip(TIMES, q, p, strict=True)]
    np.testing.assert_allclose(values, one_by_one, rtol=1e-13)


def test_a_constant_that_is_too_large_is_not_a_rate():
    # The bound can fail: with a lambda that A2 does not grant, the function rises somewhere.
    V = ConstantMassLyapunov(0.25, friction=3.0)  # A2 grants 0.3/9
    q, p = trajectory(QUADRATIC, Constant(1.0), 3.0, [3.0, 0.0], [0.0, 0.0])
    values = V(QUADRATIC.value(q), q, p)
    assert np.any(values > values[0] * np.exp(-V.rate * TIMES) * 1.01)


@every_potential
@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0, 5.0])
def test_the_constant_satisfies_quasi_strong_convexity(potential, weight):
    x = np.random.default_rng(3).normal(scale=4, size=(4000, 2))
    left = (x * potential.gradient(x)).sum(-1) / 2
    right = potential.convexity(weight) * (potential.value(x) + weight**2 / 4 * (x * x).sum(-1))
    assert np.all(left >= right * (1 - 1e-12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ConstantMassLyapunov(0.3), "`convexity` must be in (0, 1/4], got 0.3"),
        (lambda: ConstantMassLyapunov(0.2, mass=0.0), "`mass` must be positive, got 0.0"),
        (lambda: DecreasingMassLyapunov(0.0, Constant(1.0)), "`convexity` must be in (0, 1/4], got 0.0"),
        (lambda: quasi_strong_convexity(1.0, 0.0), "`weight` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
