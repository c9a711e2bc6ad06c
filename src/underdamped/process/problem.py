"""From what the user typed to what the event loop runs: every check, and the limits that change the model."""

import functools
import math
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process import streams
from underdamped.process.arguments import check_friction, check_kinds, check_mass, check_times
from underdamped.process.arrays import as_finite
from underdamped.process.flows import Flow, System
from underdamped.process.functions import check_schedule
from underdamped.process.loop import Grid, Motion
from underdamped.process.reshuffling import Reshuffling
from underdamped.process.switching import IndexProcess, UniformSwitching
from underdamped.process.targets import FiniteSum, Quadratic, Target
from underdamped.schedules import Constant, Schedule

Mass = float | Array | Schedule

_ON_THE_WAY = (__package__, "jaxtyping")
"""Modules between the user's call and a warning: ours, and shape checks around each of our functions."""


class Problem(eqx.Module):
    """A checked problem: dynamics that share one index process, and when they are saved."""

    motions: tuple[Motion, ...]
    index: IndexProcess
    grid: Grid


class Dynamics(NamedTuple):
    r"""One of several dynamics that are driven by the same index path.

    Args:
        mass: $m \ge 0$, a number or a Schedule of time.
        friction: $\alpha > 0$.
        position: $q_0$, shape (K,), required.
        velocity: $p_0$, shape (K,); zero when ``None``.
        flow: this dynamics' own flow; the common one when ``None``.

    Example:
        >>> Dynamics(mass=0.0, position=[1.0]).friction
        1.0
    """

    mass: Mass
    friction: float = 1.0
    position: Any = None
    velocity: Any = None
    flow: Flow | None = None


def pose(
    target: Target, index: IndexProcess, dynamics: Sequence[Dynamics], times: Any, flow: Flow, num_paths: int = 1
) -> Problem:
    """Check everything and prepare it for the event loop.

    Infinitely fast switching is the mean target under an index that never moves.
    """
    check_kinds(target, index)
    if isinstance(dynamics, Dynamics) or not dynamics or not all(isinstance(one, Dynamics) for one in dynamics):
        way_out = "write [Dynamics(mass, position=[...]), ...]"
        raise _checks.fail("dynamics", "a sequence of one or more Dynamics", dynamics, way_out, TypeError)
    grid = _grid(times)
    if getattr(index, "rate", None) == math.inf:
        target, index = target.averaged(), UniformSwitching(1, 0.0)
    motions = tuple(_motion(target, index, one, flow, grid, num_paths) for one in dynamics)
    if len({motion.position.shape[-1] for motion in motions}) > 1:
        shapes = [motion.position.shape for motion in motions]
        raise _checks.fail("position", "of one dimension in all dynamics", shapes, "they share the target")
    _check_resolution(index, motions, grid)
    # As arrays, other numbers do not ask for another compilation.
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, Problem(motions, index, grid)
    )


def _grid(times: Any) -> Grid:
    exact = check_times(times)
    gaps = np.diff(exact, prepend=0.0)
    return Grid(jnp.asarray(exact, float), jnp.asarray(np.append(gaps, np.inf), float))


def _motion(target: Target, index: IndexProcess, one: Dynamics, flow: Flow, grid: Grid, num_paths: int) -> Motion:
    flow = one.flow or flow
    if not isinstance(flow, Flow):
        raise _checks.fail("flow", "a Flow", flow, "choose for example ExponentialHeun(step)", TypeError)
    friction = check_friction(one.friction)
    system = System(target, _mass(one.mass, grid), friction)
    if one.position is None:
        raise _checks.fail("position", "given", None, "a start is needed, such as position=[0.0]", TypeError)
    position = _start(one.position, "position", num_paths)
    velocity = jnp.zeros_like(position) if one.velocity is None else _start(one.velocity, "velocity", num_paths)
    if velocity.shape[-1] != position.shape[-1]:
        raise _checks.fail("velocity", f"of the dimension of `position`, {position.shape}", velocity.shape, "dq/dt = p")
    if isinstance(target, Quadratic) and target.b.shape[1] != position.shape[-1]:
        way_out = f"`target` has dimension K = {target.b.shape[1]}"
        raise _checks.fail("position", "of the dimension of the target", position.shape, way_out)
    _check_scalar(target, index, position)
    flow = flow.prepare(System(_seen(target, index), system.mass, friction), float(np.asarray(grid.times)[-1]))
    return Motion(system, flow, position, velocity)


def _seen(target: Target, index: IndexProcess) -> Target:
    """What a flow can compute in advance from: a batch of all components is their mean."""
    is_whole = isinstance(index, UniformSwitching | Reshuffling) and index.batch_size == index.num_components
    return target.averaged() if is_whole and isinstance(target, Quadratic) else target


def _mass(mass: Mass, grid: Grid) -> Mass:
    """A number, or a schedule that is a mass wherever it was looked at: at a thousand times and the saved ones."""
    way_out = "0 removes momentum, nothing lies below"
    if isinstance(mass, Constant):
        mass = mass.initial
    if not callable(mass):
        return check_mass(mass)
    check_schedule(mass, "mass")
    looked_at = jnp.append(jnp.linspace(0.0, grid.times[-1], 1001), grid.times)
    values = np.asarray(jax.vmap(lambda t: jnp.asarray(mass(t), float))(looked_at))
    if not np.isfinite(values).all():
        raise _checks.fail("mass", "finite at all times", float(values[~np.isfinite(values)][0]), way_out)
    rounding = 16 * np.finfo(values.dtype).eps * np.abs(values).max()  # a schedule may round there on its way to 0
    if (values < -rounding).any():
        raise _checks.fail("mass", "non-negative at all times", float(values[values < -rounding][0]), way_out)
    return mass


def _start(value: Any, argument: str, num_paths: int) -> Array:
    start = as_finite(value, argument).astype(float)
    if start.ndim not in (1, 2) or not start.size or (start.ndim == 2 and start.shape[0] != num_paths):
        bound = f"of shape (K,), or ({num_paths}, K) for a start a path"
        raise _checks.fail(argument, bound, start.shape, "a point in one dimension is [x]")
    return start


def _check_scalar(target: Target, index: IndexProcess, position: Array) -> None:
    word: Any = jax.ShapeDtypeStruct((), jnp.uint32)
    position_: Any = jax.ShapeDtypeStruct(position.shape[-1:], position.dtype)
    arrays, rest = eqx.partition((target, index), eqx.is_array)
    try:
        value = _potential.eval_shape(rest, arrays, position_, streams.Stream(*[word] * 4))
    except Exception as error:  # whatever the user's function runs into
        bound = f"a function of a position of shape {position_.shape} and {_point(target, index)} that JAX can trace"
        way_out = "write a component for one position and one data point, with jax.numpy"
        given = f"one that raises {type(error).__name__}"
        raise _checks.fail("target", bound, given, way_out, TypeError) from error
    shape = getattr(value, "shape", None)
    if shape != ():
        way_out = "a component returns one number, its potential at the position; sum over coordinates"
        raise _checks.fail("target", "a scalar function", f"one that returns shape {shape}", way_out)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        way_out = "a component returns its potential, which has a gradient"
        raise _checks.fail("target", "a real function", f"one that returns {value.dtype}", way_out, TypeError)


def _point(target: Target, index: IndexProcess) -> str:
    """What a component gets beside the position, by its shape."""
    target = getattr(target, "target", target)  # what was averaged
    if isinstance(target, FiniteSum):
        return f"a data point of shape {jax.tree.map(lambda leaf: leaf.shape[1:], target.data)}"
    shown = jax.eval_shape(lambda stream: index.shown(index.start(stream)[0]), streams.Stream(*[jnp.uint32(1)] * 4))
    name = "`chosen`" if hasattr(target, "num_components") else "a data point"
    return f"{name} of shape {jax.tree.map(lambda leaf: leaf.shape, shown)}"


@functools.partial(jax.jit, static_argnums=0)  # never run: it remembers what it has traced
def _potential(rest: Any, arrays: Any, position: Array, stream: streams.Stream) -> Any:
    """The potential of the first components of a path."""
    target, index = eqx.combine(rest, arrays)
    state, _ = index.start(stream)
    return target.potential(position, index.shown(state))


def _check_resolution(index: IndexProcess, motions: tuple[Motion, ...], grid: Grid) -> None:
    """Between saved times the clock counts down from the gap: an event much shorter than its rounding is lost."""
    gaps = np.asarray(grid.gaps[:-1], dtype=np.float64)
    ends = np.append(0.0, np.asarray(grid.times, dtype=np.float64))
    tick_rate = index.tick_rate
    rates = np.array([float(tick_rate(t)) for t in ends])
    steps = np.array([1 / float(motion.flow.max_step) for motion in motions])
    events = float((gaps * (np.maximum(rates[:-1], rates[1:]) + steps.max())).max())
    rounding = events * float(jnp.finfo(grid.gaps.dtype).eps)
    way_out = "set jax.config.update('jax_enable_x64', True), or save at more times"
    if rounding > 0.5:
        given = f"{events:.3g} events between two"
        raise _checks.fail("times", f"close enough for {grid.gaps.dtype} to tell events apart", given, way_out)
    if rounding > 0.01:
        message = f"{events:.3g} events between two saved times are near what {grid.gaps.dtype} resolves: {way_out}."
        frame, depth = sys._getframe(), 1
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_ON_THE_WAY):
            frame, depth = frame.f_back, depth + 1
        warnings.warn(message, RuntimeWarning, stacklevel=depth)
