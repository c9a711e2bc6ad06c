"""The true minimiser of a smooth, strongly convex mean, by Newton's method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from underdamped import _checks
from underdamped.process import Target

_MOST_STEPS = 100
_ARMIJO = 1e-4


class Minimum(NamedTuple):
    r"""Where a target is least.

    Attributes:
        position: $\theta^*$, (K,).
        potential: $\Phi(\theta^*)$.
        gradient_norm: $|\nabla\Phi|$ that was reached.
        least_curvature: smallest eigenvalue of the Hessian there.
        steps: Newton steps taken.
    """

    position: np.ndarray
    potential: float
    gradient_norm: float
    least_curvature: float
    steps: int


def minimize(target: Target, dimension: int, tolerance: float = 1e-12) -> Minimum:
    r"""Newton's method with halved steps where a full one does not decrease enough, from the origin.

    In double precision (JAX's own setting has to allow it), to a gradient norm that leaves no doubt about distances.

    Args:
        target: what is minimised; its Hessian must be positive definite.
        dimension: K.
        tolerance: gradient norm to reach.

    Returns:
        The minimum.

    Raises:
        ValueError: If the Hessian is singular on the way: then the minimiser is not unique, or there is none.
        ArithmeticError: If the gradient norm is not reached.

    Example:
        >>> from underdamped.process import Quadratic
        >>> with jax.enable_x64(True):
        ...     minimize(Quadratic(A=[[2.0], [4.0]], b=[[2.0], [4.0]]), dimension=1).position.tolist()
        [1.0]

    References:
        Nocedal and Wright, *Numerical Optimization* (2006), Chapter 3.
    """
    position = jnp.zeros(dimension)
    value, gradient = _value_and_gradient(target, position)
    for step in range(_MOST_STEPS):
        norm = float(jnp.linalg.norm(gradient))
        eigenvalues, eigenvectors = np.linalg.eigh(np.asarray(_hessian(target, position)))
        if eigenvalues[0] <= 1e-12 * eigenvalues[-1]:
            way_out = "the minimiser is not unique, or there is none, and so no distance to it; regularise"
            raise _checks.fail("target", "strongly convex", f"a Hessian with eigenvalue {eigenvalues[0]:.1e}", way_out)
        if norm <= tolerance:
            return Minimum(np.asarray(position), float(value), norm, float(eigenvalues[0]), step)
        direction = -eigenvectors @ ((eigenvectors.T @ np.asarray(gradient)) / eigenvalues)
        length = 1.0
        # Near the minimum the decrease drowns in rounding, and the full step is known to be good.
        while length > 1e-6 and norm > 1e-6:
            enough = value + _ARMIJO * length * (gradient @ direction)
            if _value_and_gradient(target, position + length * direction)[0] <= enough:
                break
            length /= 2
        position = position + length * direction
        value, gradient = _value_and_gradient(target, position)
    norm = float(jnp.linalg.norm(gradient))
    raise ArithmeticError(f"Newton's method came to a gradient norm of {norm:.1e} only; rescale the data")


@jax.jit
def _value_and_gradient(target: Target, position: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(target.potential)(position)


@jax.jit
def _hessian(target: Target, position: jax.Array) -> jax.Array:
    return jax.hessian(target.potential)(position)
