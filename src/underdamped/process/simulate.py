"""One path, with everything it can tell."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, Shaped

from underdamped.process import faults
from underdamped.process.arguments import check_key, check_path_number
from underdamped.process.flows import Flow
from underdamped.process.loop import COMPILER_OPTIONS, REGISTER, Saved, run_paths
from underdamped.process.problem import Dynamics, Mass, Problem, pose
from underdamped.process.switching import IndexProcess
from underdamped.process.targets import Target


class Path(eqx.Module):
    r"""One path at the saved times.

    Attributes:
        times: (T,).
        position: $q$, (T, K).
        velocity: $p = dq/dt$, (T, K); at mass 0 it is $-\nabla\Phi_i(q)/\alpha$, which jumps when the index does.
        index: what the index process shows, (T, batch) component numbers or (T, D) data points.
        num_switches: ticks of the index so far, self-jumps included, (T,).
    """

    times: Float[Array, " T"]
    position: Float[Array, "T K"]
    velocity: Float[Array, "T K"]
    index: Shaped[Array, "T shown"]
    num_switches: Int[Array, " T"]


def simulate(
    target: Target,
    index: IndexProcess,
    *,
    mass: Mass,
    friction: float = 1.0,
    position: Any,
    velocity: Any = None,
    times: Any,
    key: Array,
    flow: Flow,
    path_number: int = 0,
) -> Path:
    r"""One path of the stochastic gradient-momentum process.

    $$\dot q = p, \qquad m(t)\,\dot p = -\nabla\Phi_{i(t)}(q) - \alpha p.$$

    Four models in one function: ``mass=0`` is the stochastic gradient process, ``rate=math.inf`` of the index the
    underdamped gradient flow, both together the gradient flow. Switching times do not depend on the flow, so two calls
    that differ in mass, friction, start or flow alone share their index path (synchronous coupling).

    Args:
        target: what is minimised.
        index: which components drive the flow, and when.
        mass: $m \ge 0$, a number or a Schedule of time.
        friction: $\alpha > 0$.
        position: $q_0$, shape (K,).
        velocity: $p_0$, shape (K,); zero when left out. At mass 0 it has no effect.
        times: when to save, (T,), increasing, from 0 on. Switches do not depend on it; steps of a flow end there.
        key: JAX key.
        flow: ``Exact()`` for quadratics with constant mass, ``ExponentialHeun(step)`` for everything else.
        path_number: which path of ``simulate_ensemble`` with this key, 0 being the first.

    Returns:
        The path at ``times``.

    Raises:
        ValueError: If an argument is out of range, shapes do not fit, or data are not finite.
        TypeError: If target, index, flow and mass do not go together.
        FloatingPointError: If the path diverges.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from underdamped.process import Exact, Quadratic, UniformSwitching
        >>> target = Quadratic(A=jnp.ones((2, 1)), b=jnp.array([[-1.0], [1.0]]))
        >>> path = simulate(target, UniformSwitching(2, rate=10.0), mass=0.1, position=[3.0], times=[1.0, 2.0],
        ...                 key=jax.random.key(0), flow=Exact())
        >>> path.position.shape, path.index.shape
        ((2, 1), (2, 1))

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (11), (14), (19), (28).
    """
    dynamics = (Dynamics(mass, friction, position, velocity),)
    return simulate_coupled(target, index, dynamics, times=times, key=key, flow=flow, path_number=path_number)[0]


def simulate_coupled(
    target: Target,
    index: IndexProcess,
    dynamics: Sequence[Dynamics],
    *,
    times: Any,
    key: Array,
    flow: Flow,
    path_number: int = 0,
) -> tuple[Path, ...]:
    r"""Several dynamics driven by the same index path, as in the coupled distances of Theorems 6, 15 and 18.

    Equal to one ``simulate`` a dynamics with the same key, up to where the steps of a flow end: here all dynamics take
    the shortest step among theirs.

    Args:
        target: what is minimised.
        index: which components drive the flow, and when.
        dynamics: mass, friction, start and flow of each.
        times: when to save, (T,).
        key: JAX key.
        flow: the flow of every dynamics that has none of its own.
        path_number: which path of ``simulate_ensemble`` with this key.

    Returns:
        One path a dynamics.

    Raises:
        ValueError: As ``simulate``.
        TypeError: As ``simulate``.
        FloatingPointError: If a path diverges.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from underdamped.process import Dynamics, Exact, Quadratic, UniformSwitching
        >>> target = Quadratic(A=jnp.ones((2, 1)), b=jnp.array([[-1.0], [1.0]]))
        >>> heavy, light = simulate_coupled(
        ...     target, UniformSwitching(2, rate=1.0), [Dynamics(1e-3, position=[3.0]), Dynamics(0.0, position=[3.0])],
        ...     times=[1.0], key=jax.random.key(0), flow=Exact())
        >>> bool(abs(heavy.position - light.position).max() < 1e-2)
        True

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Theorems 6, 15 and 18.
    """
    path_number = check_path_number(path_number)
    problem = pose(target, index, dynamics, times, flow)
    saved, num_ticks = _run(problem, check_key(key), np.full(REGISTER, path_number, np.uint32))
    faults.report_breach(np.asarray(num_ticks))
    faults.report(
        faults.first_divergence([state[:, :1] for state in saved.states], np.asarray(times, float)), path_number
    )
    shown = jax.vmap(problem.index.shown)(jax.tree.map(lambda leaf: leaf[:, 0], saved.index))
    paths = []
    for state in saved.states:
        position, velocity = jnp.split(state[:, 0], 2, axis=-1)
        paths.append(Path(problem.grid.times, position, velocity, shown, saved.num_ticks[:, 0]))
    return tuple(paths)


@eqx.filter_jit(compiler_options=COMPILER_OPTIONS)  # pyright: ignore[reportCallIssue]  (jax.jit's, passed on)
def _run(problem: Problem, key: Array, numbers: Any) -> tuple[Saved, Array]:
    return run_paths(problem.motions, problem.index, problem.grid, key, numbers, keep_index=True)
