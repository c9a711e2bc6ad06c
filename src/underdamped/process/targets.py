"""What is minimised: a mean of components, each differentiable."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from underdamped import _checks
from underdamped.process.arrays import as_finite, check_symmetric


class Target(eqx.Module):
    r"""A mean $\Phi = \mathbb{E}_y\,\Phi_y$ of components. Subclass it for a family that the ones below do not cover.

    ``chosen`` is what an index process shows: component numbers, shape (batch,), for sums; a data point for continuous
    data. ``None`` stands for the whole mean. A sum must have an attribute ``num_components``, N; a target without one
    is taken to be of continuous data.
    """

    @abstractmethod
    def gradient(self, position: Float[Array, " K"], chosen: Any = None) -> Float[Array, " K"]:
        r"""$\nabla\Phi_y(q)$, shape (K,): the mean gradient of the ``chosen`` components, of all when ``None``."""

    @abstractmethod
    def potential(self, position: Float[Array, " K"], chosen: Any = None) -> Array:
        r"""$\Phi_y(q)$, a scalar: the mean of the ``chosen`` components, of all when ``None``."""

    def averaged(self) -> "Target":
        """The mean as a target with one component: what infinitely fast switching leaves."""
        return _Averaged(self)


class _Averaged(Target):
    """One component, the mean of another target."""

    target: Target

    @property
    def num_components(self) -> int:
        """1."""
        return 1

    def gradient(self, position: Float[Array, " K"], chosen: Any = None) -> Float[Array, " K"]:
        """The full gradient, whatever is chosen."""
        return _in_blocks(lambda target, position: target.gradient(position, None), self.target, position)

    def potential(self, position: Float[Array, " K"], chosen: Any = None) -> Array:
        """The full potential, whatever is chosen."""
        return self.target.potential(position, None)


_BLOCK = 16
"""Positions that are multiplied by the data at a time."""


def _in_blocks(function: Callable[[Any, Array], Array], target: Target, position: Array) -> Array:
    """``function(target, position)``, where many positions of a CPU go in blocks of one size.

    All paths share the data, so XLA makes one product of matrices of them, whose rounding depends on its size: a path
    would depend on how many are beside it.
    """
    arrays, rest = eqx.partition(target, eqx.is_array)

    def plain(arrays: Any, position: Array) -> Array:
        return function(eqx.combine(arrays, rest), position)

    shared = jax.custom_batching.custom_vmap(plain)

    @shared.def_vmap
    def rule(axis_size: int, in_batched: list, arrays: Any, positions: Array) -> tuple[Array, bool]:
        axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, in_batched)
        side_by_side = jax.vmap(plain, in_axes=tuple(axes))
        if axis_size % _BLOCK or any(jax.tree.leaves(in_batched[0])):
            return side_by_side(arrays, positions), True

        def blocks(positions: Array) -> Array:
            parts = positions.reshape(-1, _BLOCK, *positions.shape[1:])
            values = jax.lax.map(lambda part: side_by_side(arrays, part), parts)
            return values.reshape(axis_size, *values.shape[2:])

        return jax.lax.platform_dependent(positions, cpu=blocks, default=lambda q: side_by_side(arrays, q)), True

    return shared(arrays, position)


class FiniteSum(Target):
    r"""A finite sum $\Phi(q) = \frac1N \sum_i \phi(q, y_i)$.

    The gradient is JAX's; the component sees one position and one data point, never a batch.

    Args:
        component: $\phi$, a function of position (K,) and one data point, differentiable in the position; returns a
            scalar.
        data: array, or any pytree of arrays, with leading axis N.

    Raises:
        ValueError: If the data are empty, not finite, or their leading axes differ.
        TypeError: If ``component`` is not callable.

    Example:
        >>> import jax.numpy as jnp
        >>> target = FiniteSum(lambda q, y: 0.5 * jnp.sum((q - y) ** 2), jnp.array([[0.0], [2.0]]))
        >>> target.num_components, target.gradient(jnp.array([3.0]), jnp.array([1])).tolist()
        (2, [1.0])

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (1).
    """

    component: Callable[[Array, Any], Array] = eqx.field(static=True)
    data: Any

    def __init__(self, component: Callable[[Array, Any], Array], data: Any) -> None:
        _check_component(component)
        self.component = component
        self.data = jax.tree.map(lambda leaf: as_finite(leaf, "data"), data)
        lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(self.data)}
        if len(lengths) != 1 or 0 in lengths:
            way_out = (
                "each array needs the same leading axis, one entry a component (a list is a pytree: make it an array)"
            )
            raise _checks.fail("data", "of N >= 1 data points", sorted(lengths), way_out)

    @property
    def num_components(self) -> int:
        """N."""
        return jax.tree.leaves(self.data)[0].shape[0]

    def gradient(self, position: Float[Array, " K"], chosen: Int[Array, " batch"] | None = None) -> Float[Array, " K"]:
        """Mean gradient of the components numbered ``chosen`` (of all when ``None``)."""
        return self._mean(jax.grad(self.component), position, chosen)

    def potential(self, position: Float[Array, " K"], chosen: Int[Array, " batch"] | None = None) -> Array:
        """Mean of the components numbered ``chosen`` (of all when ``None``)."""
        return self._mean(self.component, position, chosen)

    def _mean(self, function: Callable[[Array, Any], Array], position: Array, chosen: Array | None) -> Array:
        if chosen is not None and chosen.shape == (1,):  # no mean to take: keeps the innermost loop free of reductions
            return function(position, jax.tree.map(lambda leaf: leaf[chosen[0]], self.data))
        batch = self.data if chosen is None else jax.tree.map(lambda leaf: leaf[chosen], self.data)
        return jnp.mean(jax.vmap(function, in_axes=(None, 0))(position, batch), axis=0)


class Quadratic(Target):
    r"""Quadratic components, $\nabla\Phi_i(q) = A_i q - b_i$: the targets whose flow is known in closed form.

    $\Phi_i(q) = \frac12 q^\top A_i q - b_i^\top q$. The sign of $b$ is a minus, so $A_i^{-1} b_i$ is the minimiser.

    Args:
        A: symmetric matrices (N, K, K), or diagonals (N, K). Definite or not.
        b: (N, K).

    Raises:
        ValueError: If shapes do not fit, a matrix is not symmetric, or an entry is not finite.

    Example:
        >>> target = Quadratic(A=[[2.0], [4.0]], b=[[2.0], [0.0]])
        >>> round(float(target.minimizer[0]), 6)
        0.333333

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 5.2.
    """

    A: Float[Array, "N K K"] | Float[Array, "N K"]
    b: Float[Array, "N K"]

    def __init__(self, A: Any, b: Any) -> None:
        self.A, self.b = as_finite(A, "A"), as_finite(b, "b")
        if self.b.ndim != 2 or 0 in self.b.shape:
            raise _checks.fail("b", "of shape (N, K), N and K at least 1", self.b.shape, "one row a component")
        if self.A.shape not in {self.b.shape, (*self.b.shape, self.b.shape[1])}:
            N, K = self.b.shape
            way_out = f"`b` has shape {self.b.shape}"
            raise _checks.fail("A", f"of shape ({N}, {K}, {K}), or ({N}, {K}) for diagonals", self.A.shape, way_out)
        if not self.is_diagonal:
            check_symmetric(self.A, "A")

    @property
    def is_diagonal(self) -> bool:
        """Whether ``A`` holds diagonals, (N, K), instead of matrices."""
        return self.A.ndim == 2

    @property
    def num_components(self) -> int:
        """N."""
        return self.b.shape[0]

    def averaged(self) -> "Quadratic":
        """The mean as a quadratic with one component."""
        return Quadratic(self.A.mean(0, keepdims=True), self.b.mean(0, keepdims=True))

    @property
    def minimizer(self) -> Float[Array, " K"]:
        r"""Where $\nabla\Phi = 0$, shape (K,): the minimiser if the mean matrix is positive definite."""
        A, b = self.A.mean(0), self.b.mean(0)
        return b / A if self.is_diagonal else jnp.linalg.solve(A, b)

    @property
    def smoothness(self) -> float:
        r"""$L$, the least Lipschitz constant of all $\nabla\Phi_i$: the largest eigenvalue of any $A_i$, in size."""
        return float(np.abs(self._eigenvalues()).max())

    @property
    def convexity(self) -> float:
        r"""$\mu$, the largest with every $\Phi_i - \mu|q|^2/2$ convex: the smallest eigenvalue of any $A_i$."""
        return float(self._eigenvalues().min())

    def gradient(self, position: Float[Array, " K"], chosen: Int[Array, " batch"] | None = None) -> Float[Array, " K"]:
        """Mean of $A_i q - b_i$ over the components numbered ``chosen`` (over all when ``None``)."""
        A, b = self._mean(chosen)
        return (A * position if self.is_diagonal else A @ position) - b

    def potential(self, position: Float[Array, " K"], chosen: Int[Array, " batch"] | None = None) -> Float[Array, ""]:
        r"""Mean of $\frac12 q^\top A_i q - b_i^\top q$ over the ``chosen`` components (over all when ``None``)."""
        A, b = self._mean(chosen)
        return position @ (0.5 * (A * position if self.is_diagonal else A @ position) - b)

    def _eigenvalues(self) -> np.ndarray:
        A = np.asarray(self.A, dtype=np.float64)
        return A if self.is_diagonal else np.linalg.eigvalsh(A)

    def _mean(self, chosen: Array | None) -> tuple[Array, Array]:
        if chosen is None:
            return self.A.mean(0), self.b.mean(0)
        if chosen.shape == (1,):
            return self.A[chosen[0]], self.b[chosen[0]]
        return self.A[chosen].mean(0), self.b[chosen].mean(0)


class ContinuousData(Target):
    r"""An integral $\Phi(q) = \int \phi(q, y)\,\pi(dy)$, where the index process walks on the data points themselves.

    The law $\pi$ is that of the index process (``PureJump``, ``ReflectedBrownianMotion``), so there is no ``data``
    here, and no full gradient: for rate inf put the nodes of a quadrature rule into a ``FiniteSum``.

    Args:
        component: $\phi$, a function of position (K,) and data point (D,), differentiable in the position; returns a
            scalar.

    Raises:
        TypeError: If ``component`` is not callable.

    Example:
        >>> import jax.numpy as jnp
        >>> target = ContinuousData(lambda q, y: 0.5 * jnp.sum((q - y) ** 2))
        >>> target.gradient(jnp.array([3.0]), jnp.array([1.0])).tolist()
        [2.0]

    References:
        Jin, Latz, Liu and Schönlieb (JMLR 2023).
    """

    component: Callable[[Array, Array], Array] = eqx.field(static=True)

    def __check_init__(self) -> None:
        _check_component(self.component)

    def gradient(self, position: Float[Array, " K"], chosen: Float[Array, " D"] | None = None) -> Float[Array, " K"]:
        r"""$\nabla_q\phi(q, y)$ at the data point ``chosen``."""
        return jax.grad(self.component)(position, _chosen_point(chosen))

    def potential(self, position: Float[Array, " K"], chosen: Float[Array, " D"] | None = None) -> Array:
        r"""$\phi(q, y)$ at the data point ``chosen``."""
        return self.component(position, _chosen_point(chosen))

    def averaged(self) -> Target:
        """Always an error: an integral is not a mean of finitely many components."""
        way_out = "an integral has no full gradient; put the nodes of a quadrature rule into a FiniteSum"
        raise _checks.fail("rate", "finite for continuous data", float("inf"), way_out)


def _check_component(component: Any) -> None:
    if not callable(component):
        raise _checks.fail("component", "a function of position and data point", component, "it is phi", TypeError)


def _chosen_point(chosen: Array | None) -> Array:
    if chosen is None:
        way_out = "an integral has no full gradient; put the nodes of a quadrature rule into a FiniteSum"
        raise _checks.fail("chosen", "a data point", None, way_out)
    return chosen
