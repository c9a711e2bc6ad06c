r"""Figures 1 and 2: paths of the underdamped flow, at the false minimiser and on a parabola with its closed forms."""

import math
from collections.abc import Callable

import jax
import numpy as np

from underdamped.process import (
    Diffrax,
    Dynamics,
    Exact,
    ExponentialEuler,
    ExponentialHeun,
    Flow,
    Quadratic,
    RungeKutta4,
    SemiImplicitEuler,
    UniformSwitching,
    simulate,
    simulate_coupled,
)
from underdamped.process.landscapes import relu_well
from underdamped.schedules import PowerDecay, Schedule

WELL = relu_well()

MASSES: dict[str, float | Schedule] = {"m = 1": 1.0, "m(t) = 1/(1+t)": PowerDecay(1.0, rate=1.0)}
"""The two masses of Figure 2."""

FLOWS: dict[str, Callable[[float], Flow]] = {
    "semi-implicit Euler (36)": SemiImplicitEuler,
    "exponential Euler": ExponentialEuler,
    "exponential Heun": ExponentialHeun,
    "Runge-Kutta 4": RungeKutta4,
}
"""Integrators with a step, by the name they have in the report."""

ADAPTIVE_TOLERANCE = 1e-10


def closed_form(mass: str, times: np.ndarray) -> np.ndarray:
    r"""Position on $\Phi(x) = x^2/2$ from $q_0 = 1$, $p_0 = 0$ at friction 1.

    $q = e^{-t/2}\bigl(\cos\tfrac{\sqrt3}2t + \tfrac1{\sqrt3}\sin\tfrac{\sqrt3}2t\bigr)$ at $m = 1$; $q = e^{-t^2/2}$
    at $m(t) = 1/(1+t)$.

    Args:
        mass: a key of ``MASSES``.
        times: $t$, shape (T,).

    Returns:
        $q$, shape (T,).

    Example:
        >>> closed_form("m(t) = 1/(1+t)", np.array([0.0, 2.0])).round(4).tolist()
        [1.0, 0.1353]

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Figure 2, whose caption swaps position and velocity at time 0.
    """
    if callable(MASSES[mass]):
        return np.exp(-(times**2) / 2)
    phase = math.sqrt(3) / 2 * times
    return np.exp(-times / 2) * (np.cos(phase) + np.sin(phase) / math.sqrt(3))


def on_the_parabola(mass: str, flows: dict[str, Flow], times: np.ndarray) -> dict[str, np.ndarray]:
    """Position on the parabola by each of the flows, shape (T,), at friction 1, with the mass of that name."""
    dynamics = [Dynamics(MASSES[mass], 1.0, [1.0], [0.0], flow) for flow in flows.values()]
    with jax.enable_x64(True):
        target = Quadratic(A=[[1.0]], b=[[0.0]])  # made here, in double precision
        always, key = UniformSwitching(1, math.inf), jax.random.key(0)
        found = simulate_coupled(target, always, dynamics, times=times, key=key, flow=dynamics[0].flow or Exact())
        return {name: np.asarray(path.position)[:, 0] for name, path in zip(flows, found, strict=True)}


def errors_on_the_parabola(mass: str, flows: dict[str, Flow], times: np.ndarray) -> dict[str, float]:
    """Largest distance of each flow from the closed form at the ``times``."""
    exact = closed_form(mass, times)
    return {name: float(np.abs(path - exact).max()) for name, path in on_the_parabola(mass, flows, times).items()}


def with_step(step: float) -> dict[str, Flow]:
    """All integrators with this step; together they are compiled once."""
    return {name: flow(step) for name, flow in FLOWS.items()}


def without_step(mass: str) -> dict[str, Flow]:
    """The flow that needs no step: the exact one where the mass is constant, diffrax's where it is not."""
    if callable(MASSES[mass]):
        return {f"diffrax, tolerance {ADAPTIVE_TOLERANCE:g}": Diffrax(ADAPTIVE_TOLERANCE, ADAPTIVE_TOLERANCE)}
    return {"exact": Exact()}


def in_the_well(mass: float, friction: float, start: float, times: np.ndarray, step: float) -> np.ndarray:
    r"""Position of the underdamped flow on $\Phi(x) = (\max(x, 0) - 1)^2 + x^2$ from rest, shape (T,).

    The gradient jumps at 0, so the error of exponential Heun is of first order once 0 is passed.
    """
    with jax.enable_x64(True):
        path = simulate(
            WELL,
            UniformSwitching(1, math.inf),
            mass=mass,
            friction=friction,
            position=[start],
            times=times,
            key=jax.random.key(0),
            flow=ExponentialHeun(step),
        )
        return np.asarray(path.position)[:, 0]


def potential(positions: np.ndarray) -> np.ndarray:
    """Equation (5) at these positions."""
    return (np.maximum(positions, 0) - 1) ** 2 + positions**2
