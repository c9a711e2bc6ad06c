"""Known targets: regressions, the paper's own examples, and classical landscapes made stochastic by random tilts."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process.arrays import as_finite, check_symmetric
from underdamped.process.targets import FiniteSum


class Landscape(FiniteSum):
    r"""A finite sum about which more is known.

    Attributes:
        minimizers: the global minimisers of the mean, (n, K); ``None`` if not known in closed form.
        smoothness: $L$, a Lipschitz constant of every $\nabla\Phi_i$; infinity if there is none.
        convexity: $\mu$, such that $\Phi_i - \mu|q|^2/2$ is convex for every $i$; negative if $\Phi_i$ is only weakly
            convex, ``None`` if not known.
    """

    minimizers: Array | None
    smoothness: float = eqx.field(static=True)
    convexity: float | None = eqx.field(static=True)

    def __init__(
        self,
        component: Callable[[Array, Any], Array],
        data: Any,
        minimizers: Any = None,
        smoothness: float = math.inf,
        convexity: float | None = None,
    ) -> None:
        super().__init__(component, data)
        self.minimizers = None if minimizers is None else jnp.asarray(minimizers, float)
        self.smoothness, self.convexity = smoothness, convexity


def random_tilts(key: Array, num_components: int, dimension: int, scale: float = 1.0) -> Array:
    r"""Normal vectors that sum to zero: added as $y_i \cdot q$ they make a function stochastic and keep its mean.

    Args:
        key: JAX key.
        num_components: N, at least 2.
        dimension: K.
        scale: standard deviation of an entry, before centring.

    Returns:
        The tilts, (N, K).

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import jax
        >>> bool(abs(random_tilts(jax.random.key(0), 10, 2).sum(0)).max() < 1e-5)
        True
    """
    way_out = "one vector alone that sums to zero is zero"
    if _checks.count(num_components, "num_components", way_out) == 1:
        raise _checks.fail("num_components", "at least 2", num_components, way_out)
    dimension = _checks.count(dimension, "dimension", "it is the number of coordinates")
    tilts = scale * jax.random.normal(key, (num_components, dimension))
    return tilts - tilts.mean(0)


def styblinski_tang(tilts: Any) -> Landscape:
    r"""$f(q) = \frac12\sum_k (q_k^4 - 16 q_k^2 + 5 q_k)$: $2^K$ minima, one of them global.

    Args:
        tilts: (N, K), summing to zero; one row of zeros for no noise.

    Returns:
        The target.

    Raises:
        ValueError: If the tilts do not sum to zero.

    Example:
        >>> styblinski_tang([[0.0, 0.0]]).minimizers.round(3).tolist()
        [[-2.9040000438690186, -2.9040000438690186]]

    References:
        Styblinski and Tang (Neural Networks, 1990).
    """
    tilts = _centred(tilts)
    component = _tilted(lambda q: 0.5 * jnp.sum(q**4 - 16 * q**2 + 5 * q))
    return Landscape(component, tilts, [[-2.9035340277711783] * tilts.shape[1]], convexity=-16.0)


def himmelblau(tilts: Any) -> Landscape:
    r"""$f(q) = (q_1^2 + q_2 - 11)^2 + (q_1 + q_2^2 - 7)^2$: four global minima.

    Args:
        tilts: (N, 2), summing to zero; one row of zeros for no noise.

    Returns:
        The target.

    Raises:
        ValueError: If the tilts do not sum to zero or are not two-dimensional.

    Example:
        >>> himmelblau([[0.0, 0.0]]).minimizers[0].tolist()
        [3.0, 2.0]

    References:
        Himmelblau, *Applied Nonlinear Programming* (1972).
    """
    tilts = _centred(tilts)
    if tilts.shape[1] != 2:
        raise _checks.fail("tilts", "of shape (N, 2)", tilts.shape, "Himmelblau's function has two variables")
    minimizers = [
        [3.0, 2.0],
        [-2.805118086952745, 3.131312518250573],
        [-3.779310253377747, -3.2831859912861696],
        [3.5844283403304917, -1.8481265269644036],
    ]
    component = _tilted(lambda q: (q[0] ** 2 + q[1] - 11) ** 2 + (q[0] + q[1] ** 2 - 7) ** 2)
    return Landscape(component, tilts, minimizers)


def rastrigin(tilts: Any) -> Landscape:
    r"""$f(q) = 10K + \sum_k (q_k^2 - 10\cos 2\pi q_k)$: a minimum near every integer point, the global one at 0.

    Args:
        tilts: (N, K), summing to zero; one row of zeros for no noise.

    Returns:
        The target.

    Raises:
        ValueError: If the tilts do not sum to zero.

    Example:
        >>> float(rastrigin([[0.0, 0.0]]).potential(jnp.zeros(2)))
        0.0

    References:
        Rastrigin, *Systems of Extremal Control* (1974).
    """
    tilts = _centred(tilts)
    K, bend = tilts.shape[1], 40 * math.pi**2
    component = _tilted(lambda q: 10 * K + jnp.sum(q**2 - 10 * jnp.cos(2 * jnp.pi * q)))
    return Landscape(component, tilts, [[0.0] * K], 2 + bend, 2 - bend)


def relu_well(tilts: Any = ((0.0,),)) -> Landscape:
    r"""The paper's $f(q) = (\max(q, 0) - 1)^2 + q^2$: minimum at 1/2, and a kink at 0 that looks like one from below.

    From $q_0 < 0$ at rest the underdamped flow passes 0 if and only if $\alpha^2 < 8m$.

    Args:
        tilts: (N, 1), summing to zero; no noise by default.

    Returns:
        The target. The gradient jumps at 0, so it has no Lipschitz constant; left and right of it 2 and 4 would do.

    Raises:
        ValueError: If the tilts do not sum to zero or are not one-dimensional.

    Example:
        >>> relu_well().gradient(jnp.array([-1.0])).tolist()
        [-2.0]

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (5) and (7), Figures 1 and 4.
    """
    tilts = _centred(tilts)
    if tilts.shape[1] != 1:
        raise _checks.fail("tilts", "of shape (N, 1)", tilts.shape, "the function has one variable")
    return Landscape(_tilted(lambda q: jnp.sum((jax.nn.relu(q) - 1) ** 2 + q**2)), tilts, [[0.5]])


def flat_stretch(tilts: Any = ((0.0,),)) -> Landscape:
    r"""$q^2$ up to 1, $2q - 1$ on $(1, 2]$, $q^2/2 + 1$ beyond: assumption A2 without strong convexity.

    Args:
        tilts: (N, 1), summing to zero; no noise by default.

    Returns:
        The target.

    Raises:
        ValueError: If the tilts do not sum to zero or are not one-dimensional.

    Example:
        >>> [float(flat_stretch().potential(jnp.array([q]))) for q in (1.0, 1.5, 2.0, 4.0)]
        [1.0, 2.0, 3.0, 9.0]

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Example 2 and Figure 9.
    """
    tilts = _centred(tilts)
    if tilts.shape[1] != 1:
        raise _checks.fail("tilts", "of shape (N, 1)", tilts.shape, "the function has one variable")

    def stretch(q: Array) -> Array:
        return jnp.sum(jnp.where(q <= 1, q**2, jnp.where(q <= 2, 2 * q - 1, q**2 / 2 + 1)))

    return Landscape(_tilted(stretch), tilts, [[0.0]], 2.0, 0.0)


def quartic(A: Any, b: Any) -> Landscape:
    r"""$\Phi_i(q) = -\frac12 q^\top A_i q + b_i^\top q + \frac14 \sum_k q_k^4$: the paper's non-convex example.

    No factor N is put in: the paper's printed one scales ``A`` and ``b`` alike.

    Args:
        A: symmetric matrices, (N, K, K).
        b: (N, K).

    Returns:
        The target. Its minimisers are not known in closed form.

    Raises:
        ValueError: If shapes do not fit, a matrix is not symmetric, or an entry is not finite.

    Example:
        >>> quartic(A=[[[1.0]]], b=[[0.0]]).gradient(jnp.array([1.0])).tolist()
        [0.0]

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 5.2 and Figure 6.
    """
    matrices, vectors = as_finite(A, "A"), as_finite(b, "b")
    if vectors.ndim != 2 or matrices.shape != (*vectors.shape, vectors.shape[-1]):
        raise _checks.fail("A", "of shape (N, K, K)", matrices.shape, f"`b` has shape {vectors.shape}, to be (N, K)")
    check_symmetric(matrices, "A")
    bend = float(np.linalg.eigvalsh(np.asarray(matrices, np.float64)).max())

    def component(q: Array, y: tuple[Array, Array]) -> Array:
        return -0.5 * q @ y[0] @ q + y[1] @ q + 0.25 * jnp.sum(q**4)

    return Landscape(component, (matrices, vectors), convexity=-bend)


def logistic_regression(features: Any, labels: Any, regularization: float = 0.0) -> Landscape:
    r"""$\Phi_i(q) = \log(1 + e^{-s_i x_i^\top q}) + \frac\lambda2 |q|^2$ with signs $s_i = \pm 1$ of labels 1 and 0.

    Args:
        features: $x$, (N, K); append a column of ones for an intercept.
        labels: (N,), each 0 or 1.
        regularization: $\lambda \ge 0$.

    Returns:
        The target.

    Raises:
        ValueError: If shapes do not fit, labels are not 0 or 1, or an entry is not finite.

    Example:
        >>> logistic_regression([[2.0], [1.0]], [1, 0], regularization=0.5).smoothness
        1.5
    """
    x, y = _supervised(features, labels, 2)
    weight = _checks.non_negative(regularization, "regularization", "it is the weight of a square")
    bend = float((np.asarray(x, np.float64) ** 2).sum(1).max()) / 4

    def component(q: Array, datum: tuple[Array, Array]) -> Array:
        return jax.nn.softplus(-datum[1] * (datum[0] @ q)) + 0.5 * weight * q @ q

    return Landscape(component, (x, 2.0 * y - 1), None, bend + weight, weight)


def softmax_regression(features: Any, labels: Any, num_classes: int, regularization: float = 0.0) -> Landscape:
    r"""$\Phi_i(q) = \log\sum_c e^{x_i^\top q_c} - x_i^\top q_{y_i} + \frac\lambda2 |q|^2$ with $q$ a flat (C, D).

    Args:
        features: $x$, (N, D); append a column of ones for an intercept.
        labels: (N,), integers from 0 to C - 1.
        num_classes: C.
        regularization: $\lambda \ge 0$.

    Returns:
        The target, of dimension K = C D.

    Raises:
        ValueError: If shapes do not fit, labels are out of range, or an entry is not finite.

    Example:
        >>> target = softmax_regression([[2.0], [1.0]], [2, 0], num_classes=3)
        >>> round(float(target.potential(jnp.zeros(3))), 4)  # log 3
        1.0986
    """
    num_classes = _checks.count(num_classes, "num_classes", "it is the number of classes")
    x, y = _supervised(features, labels, num_classes)
    weight = _checks.non_negative(regularization, "regularization", "it is the weight of a square")
    bend = float((np.asarray(x, np.float64) ** 2).sum(1).max()) / 2

    def component(q: Array, datum: tuple[Array, Array]) -> Array:
        scores = q.reshape(num_classes, -1) @ datum[0]
        return jax.nn.logsumexp(scores) - scores[datum[1]] + 0.5 * weight * q @ q

    return Landscape(component, (x, y), None, bend + weight, weight)


def _tilted(function: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda q, tilt: function(q) + tilt @ q


def _centred(tilts: Any) -> Array:
    tilts = as_finite(tilts, "tilts")
    if tilts.ndim != 2:
        raise _checks.fail("tilts", "of shape (N, K)", tilts.shape, "one row a component")
    gap = float(jnp.abs(tilts.mean(0)).max())
    if gap > 1e-5 * max(1.0, float(jnp.abs(tilts).max())):
        way_out = "else the mean is not the known function; take random_tilts, or subtract tilts.mean(0)"
        raise _checks.fail("tilts", "of mean zero", f"a mean of up to {gap:.3g}", way_out)
    return tilts


def _supervised(features: Any, labels: Any, num_classes: int) -> tuple[Array, Array]:
    x, y = as_finite(features, "features"), np.asarray(labels)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise _checks.fail("labels", f"of shape ({len(x)},)", y.shape, "one label a row of `features`")
    if not np.isin(y, range(num_classes)).all():
        given = sorted(set(y.tolist()) - set(range(num_classes)))[:5]
        raise _checks.fail("labels", f"integers from 0 to {num_classes - 1}", given, "number the classes from 0")
    return x, jnp.asarray(y, jnp.int32)
