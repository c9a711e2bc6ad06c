"""SGMP as an optax gradient transformation."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

try:
    import jax
    import optax
    from jax import numpy as jnp
    from jax.core import Tracer
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("`underdamped.optax` needs JAX and optax: pip install 'underdamped[jax]'") from error

from underdamped import _checks
from underdamped.coefficients import Scalar, semi_implicit_euler
from underdamped.schedules import Schedule

__all__ = ["SGMPState", "sgmp"]

ScalarOrSchedule: TypeAlias = Scalar | Schedule


class SGMPState(NamedTuple):
    """State of `sgmp`.

    Attributes:
        count: updates so far, a scalar int32; the clock of all schedules.
        velocity: p, one array a parameter, of the parameter's shape.
    """

    count: jax.Array  # pyright: ignore[reportIncompatibleMethodOverride]  (optax's own name for it)
    velocity: Any


def sgmp(
    learning_rate: ScalarOrSchedule,
    mass: ScalarOrSchedule,
    friction: ScalarOrSchedule = 1.0,
    *,
    velocity_dtype: Any = None,
) -> optax.GradientTransformation:
    r"""Stochastic gradient descent with a mass that can be lost.

    The update is $h\,p'$ with $p' = \frac{m}{m+\alpha h}\,p - \frac{h}{m+\alpha h}\,g$, for the step $h$, mass $m$ and
    friction $\alpha$ at the present count: already a descent direction, to be added by ``optax.apply_updates`` and
    chained without ``optax.scale``.

    **Mind the learning rate.** It is the step $h$ of time, and the *effective* learning rate is $h/\alpha$ for every
    mass: ``optax.sgd(0.1, momentum=0.9)`` takes the steps of ``sgmp(*heavy_ball_to_sgmp(0.1, 0.9))``.

    Products are formed in at least float32, whatever the dtypes, since a decay of 0.999 is 1 in bfloat16; updates come
    back in the dtype of the gradients.

    Args:
        learning_rate: $h \ge 0$, a number or a schedule of the count.
        mass: $m \ge 0$, a number or a schedule of the count. 0 is SGD with learning rate $h/\alpha$.
        friction: $\alpha > 0$, a number or a schedule of the count.
        velocity_dtype: dtype of the velocity; that of each parameter by default.

    Returns:
        The gradient transformation.

    Raises:
        TypeError: If an argument is neither a number nor a schedule.
        ValueError: If a number is out of range. (Values of schedules and traced values are not checked.)

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from underdamped import GeometricDecay
        >>> from underdamped.optax import sgmp
        >>> solver = sgmp(learning_rate=0.1, mass=GeometricDecay(0.9, ratio=0.5))
        >>> params = jnp.array([1.0, 2.0])
        >>> updates, state = solver.update(params, solver.init(params))  # on the objective |q|^2 / 2
        >>> [round(float(q), 4) for q in optax.apply_updates(params, updates)], int(state.count)
        ([0.99, 1.98], 1)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (36) and (39).
    """
    _check(learning_rate, "learning_rate", _checks.non_negative, "it is a step of time")
    _check(mass, "mass", _checks.non_negative, "0 removes momentum, nothing lies below")
    _check(friction, "friction", _checks.positive, "without friction the flow does not converge")

    def init(params: Any) -> SGMPState:
        velocity = optax.tree.zeros_like(params, dtype=velocity_dtype)
        return SGMPState(count=jnp.zeros([], jnp.int32), velocity=velocity)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SGMPState]:
        del params
        h, m, alpha = (_value(argument, state.count) for argument in (learning_rate, mass, friction))
        # Where a warm-up starts from 0 without mass, decay and gain are 0/0; any positive step gives the update 0 then.
        decay, gain = semi_implicit_euler(jnp.where((h == 0) & (m == 0), 1.0, h), m, alpha)

        def accelerate(gradient: jax.Array, velocity: jax.Array) -> jax.Array:
            return _as_factor(decay, gradient) * velocity - _as_factor(gain, gradient) * gradient

        def displace(gradient: jax.Array, velocity: jax.Array) -> jax.Array:
            return (_as_factor(h, gradient) * velocity).astype(gradient.dtype)

        velocity = jax.tree.map(accelerate, updates, state.velocity)
        displacement = jax.tree.map(displace, updates, velocity)
        stored = jax.tree.map(lambda new, old: new.astype(old.dtype), velocity, state.velocity)
        return displacement, SGMPState(jnp.asarray(optax.safe_increment(state.count)), stored)

    return optax.GradientTransformation(init, update)


def _value(argument: ScalarOrSchedule, count: jax.Array) -> jax.Array:
    return jnp.asarray(argument(count) if callable(argument) else argument, dtype=jnp.result_type(float))


def _as_factor(coefficient: jax.Array, gradient: jax.Array) -> jax.Array:
    """``coefficient`` in the real dtype of ``gradient``, but at least float32, so that products are formed there."""
    return coefficient.astype(jnp.finfo(jnp.promote_types(gradient.dtype, jnp.float32)).dtype)


def _check(argument: ScalarOrSchedule, name: str, check: Callable[[Any, str, str], float], way_out: str) -> None:
    if not callable(argument) and not isinstance(argument, Tracer):
        check(argument, name, way_out)
