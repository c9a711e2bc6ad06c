"""Proposition 22 and Lemma 32: along every trajectory the Lyapunov functions fall at least as fast as proved."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.process import Quadratic, Target, UniformSwitching, simulate_ensemble
from underdamped.process.landscapes import Landscape
from underdamped.schedules import ExponentialDecay, PowerDecay
from underdamped.studies.theorems.problems import Problem, logistic_minimizer
from underdamped.studies.theorems.rows import Row, curve, judged
from underdamped.studies.theorems.settings import Config
from underdamped.theory import ConstantMassLyapunov, DecreasingMassLyapunov, quasi_strong_convexity

HORIZON, SAVED = 10.0, 201
"""End of the trajectories, and how many times of them are looked at."""

CONSTANTS = ((1.0, 1.0), (0.1, 1.0), (1.0, 3.0))
"""Mass and friction for Proposition 22; the first is the paper's."""

COMPONENTS = 8
"""Components of the logistic regression for Lemma 32, drawn at random; of the quadratic all are taken."""

ROUNDING = 1e-3
"""Relative error of a rate that is put down to the flow between saved times."""

SMALLEST = 1e-10
"""Share of V(0) below which a trajectory is not looked at: V is a difference of potentials, and rounding takes over."""

NAMES = {"proposition": "Prop. 22", "lemma": "Lemma 32"}


class Trajectories(NamedTuple):
    r"""What Lyapunov functions look at.

    Attributes:
        times: (T,).
        gap: $\Phi(q) - \Phi(\theta^*)$, (M, T).
        displacement: $q - \theta^*$, (M, T, K).
        velocity: (M, T, K).
    """

    times: Array
    gap: Array
    displacement: Array
    velocity: Array


def lyapunov(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""$V(t)e^{rt}/V(0)$ along trajectories from random starts, and the slowest rate of fall among them all.

    Proposition 22: the full potential, constant mass. Lemma 32: one fixed component, $m_0 e^{-\lambda t}$ and
    $m_0/(1+\lambda t)$ with $m_0 = 1$ and $\lambda = \min(\mu/4, 1/4)$. Both are statements about every trajectory, so
    what is recorded is the worst. Position and velocity start at $\theta^*$ and 0 plus normal draws.

    Args:
        problem: the target.
        config: the number of starts.
        key: JAX key.

    Returns:
        The worst and the median ratio over time, and the slowest rate beside the one proved.
    """
    rows: list[Row] = []
    num_starts = config.starts if problem.name == "quadratic" else config.logistic_starts
    for mass, friction in CONSTANTS:
        convexity = quasi_strong_convexity(problem.min_curvature, weight=friction / math.sqrt(mass))
        function = ConstantMassLyapunov(convexity, friction, mass)
        trajectories = _trajectories(problem, problem.target, problem.minimizer, mass, friction, num_starts, key)
        values = np.asarray(function(trajectories.gap, trajectories.displacement, trajectories.velocity))
        rows += _compared(f"{NAMES['proposition']}: m = {mass:g}, α = {friction:g}", values, function.rate)
    convexity = quasi_strong_convexity(problem.min_curvature, weight=2.0)
    for label, mass in (
        ("m = e^(−λt)", ExponentialDecay(1.0, convexity)),
        ("m = 1/(1+λt)", PowerDecay(1.0, convexity)),
    ):
        function = DecreasingMassLyapunov(convexity, mass)
        values = []
        for target, minimizer in single_components(problem, key):
            trajectories = _trajectories(problem, target, minimizer, mass, 1.0, num_starts, key)
            values.append(np.asarray(function(*trajectories)))
        rows += _compared(f"{NAMES['lemma']}: {label}", np.concatenate(values), function.rate)
    return rows


def single_components(problem: Problem, key: Array) -> list[tuple[Target, Array]]:
    r"""Components as targets of their own, each with its minimiser $\theta^*_i$: all of few, else some at random.

    Args:
        problem: the target.
        key: JAX key of the choice.

    Returns:
        Pairs of target and minimiser.
    """
    match problem.target:
        case Quadratic() as target:
            singles = [Quadratic(target.A[i : i + 1], target.b[i : i + 1]) for i in range(problem.num_components)]
            return [(single, single.minimizer) for single in singles]
        case Landscape() as target:
            chosen = jax.random.choice(key, problem.num_components, (COMPONENTS,), replace=False)
            features, signs = target.data
            found = []
            for i in np.asarray(chosen):
                data = (features[i : i + 1], signs[i : i + 1])
                single = Landscape(target.component, data, None, target.smoothness, target.convexity)
                minimizer = logistic_minimizer(np.asarray(data[0]), np.asarray(data[1]), problem.min_curvature)
                found.append((single, jnp.asarray(minimizer)))
            return found
        case _:
            raise TypeError(f"No minimisers of components are known for {type(problem.target).__name__}.")


def _trajectories(
    problem: Problem,
    target: Target,
    minimizer: Array,
    mass: float | ExponentialDecay | PowerDecay,
    friction: float,
    num_starts: int,
    key: Array,
) -> Trajectories:
    """Trajectories of the underdamped flow of the whole ``target`` from random starts."""
    position_key, velocity_key = jax.random.split(key)
    shape, times = (num_starts, len(minimizer)), np.linspace(0.0, HORIZON, SAVED)
    ensemble = simulate_ensemble(
        target.averaged(),
        UniformSwitching(1, math.inf),
        mass=mass,
        friction=friction,
        position=minimizer + jax.random.normal(position_key, shape),
        velocity=jax.random.normal(velocity_key, shape),
        times=times,
        key=key,
        flow=problem.moving_flow if callable(mass) else problem.flow,
        num_paths=num_starts,
    )
    q, p = jnp.asarray(ensemble.position), jnp.asarray(ensemble.velocity)
    gap = _potentials(target, q) - target.potential(minimizer)
    return Trajectories(jnp.asarray(times), gap, q - minimizer, p)


@eqx.filter_jit
def _potentials(target: Target, positions: Array) -> Array:
    """At all positions, (M, T, K); trajectory by trajectory, for memory."""
    return jax.lax.map(jax.vmap(target.potential), positions)


def _compared(series: str, values: np.ndarray, rate: float) -> list[Row]:
    r"""Rows of one case from $V$, (M, T)."""
    times = np.linspace(0.0, HORIZON, SAVED)
    finite = np.isfinite(values).all()
    share = values / values[:, :1]
    share = np.where(np.minimum.accumulate(share, axis=1) > SMALLEST, share, np.nan)
    seen = np.isfinite(share).all(0)  # all trajectories, or the median would be one of the slow ones
    ratio = share[:, seen] * np.exp(rate * times[seen])
    rows = curve(series, "worst ratio", times[seen], ratio.max(0))
    rows += curve(series, "median ratio", times[seen], np.median(ratio, 0))
    slowest = float(np.nanmin(-np.log(share[:, 1:]) / times[1:])) if finite else math.nan
    what = "slowest rate at which V falls, of all trajectories and times"
    return rows + judged(series, what, slowest, rate, (rate * (1 - ROUNDING), math.inf), paths=len(values))
