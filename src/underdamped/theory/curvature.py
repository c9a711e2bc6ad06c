r"""Estimating $L$ and $\mu$ for a real target, by power iteration and by Lanczos, with residuals."""

from dataclasses import dataclass
from typing import Any

from underdamped import _checks
from underdamped.theory._lazy import need
from underdamped.theory.hessians import HessianProduct

_DENSE = 64
"""Dimension up to which the matrix is formed, by as many products: exact, and no dearer than iterating."""


@dataclass(frozen=True)
class EigenvalueEstimate:
    r"""A Rayleigh quotient $\theta = v^\top H v$ of a unit vector, with its residual $\rho = |Hv - \theta v|$.

    For a symmetric $H$ some eigenvalue lies in $[\theta - \rho, \theta + \rho]$: a certainty, but *which* eigenvalue
    is not. What is certain of the extreme ones is $\lambda_{\min} \le \theta \le \lambda_{\max}$. All this up to the
    rounding of the products, which in single precision is that of single precision.

    Attributes:
        value: $\theta$.
        residual: $\rho \ge 0$.

    Example:
        >>> EigenvalueEstimate(value=4.0, residual=0.5).interval
        (3.5, 4.5)

    References:
        Parlett, *The Symmetric Eigenvalue Problem* (1998), Theorem 4.5.1.
    """

    value: float
    residual: float

    @property
    def interval(self) -> tuple[float, float]:
        r"""$[\theta - \rho, \theta + \rho]$, which contains an eigenvalue."""
        return self.value - self.residual, self.value + self.residual


@dataclass(frozen=True)
class ExtremeEigenvalues:
    r"""Estimates of the two ends of a spectrum.

    Both lie inside, up to the rounding of the products: the largest is not above $\lambda_{\max}$, the smallest not
    below $\lambda_{\min}$. So take `L` for the step rule, which adds the residual.

    Attributes:
        smallest: estimate of $\lambda_{\min}$; negative where the loss is not convex, and then there is no $\mu$.
        largest: estimate of $\lambda_{\max}$.
        products: Hessian-vector products spent.

    Example:
        >>> ends = ExtremeEigenvalues(EigenvalueEstimate(-1.0, 0.1), EigenvalueEstimate(4.0, 0.5), products=30)
        >>> ends.L
        4.5
    """

    smallest: EigenvalueEstimate
    largest: EigenvalueEstimate
    products: int

    @property
    def L(self) -> float:  # noqa: N802  (the paper's symbol)
        r"""$\max(|\theta_{\max}| + \rho, |\theta_{\min}| + \rho)$, for the Lipschitz constant at this point."""
        return max(abs(end.value) + end.residual for end in (self.smallest, self.largest))


def power_iteration(
    hessian: HessianProduct, *, tolerance: float = 1e-2, max_products: int = 200, seed: int = 0
) -> EigenvalueEstimate:
    r"""The eigenvalue of largest magnitude, with two vectors of memory.

    $$v \leftarrow Hv/|Hv| \qquad\text{until}\qquad |Hv - \theta v| \le \text{tolerance}\,|\theta|.$$

    It always returns; **look at the residual**. It converges like $|\lambda_2/\lambda_1|^n$, and not at all between
    eigenvalues $\lambda$ and $-\lambda$; where memory allows, `extreme_eigenvalues` is much faster.

    Args:
        hessian: products with $H$.
        tolerance: relative residual to stop at, $> 0$.
        max_products: products to stop after, $\ge 1$.
        seed: of the random start.

    Returns:
        Rayleigh quotient and residual.

    Raises:
        ValueError: If an argument is out of range or a product is not finite.
        ModuleNotFoundError: If NumPy is not installed.

    Example:
        >>> import numpy as np
        >>> top = power_iteration(HessianProduct(lambda v: np.array([1.0, -4.0]) * v, dimension=2), tolerance=1e-6)
        >>> round(top.value, 6)
        -4.0

    References:
        Golub and Van Loan, *Matrix Computations* (2013), Section 8.2.1.
    """
    np = need("numpy", "studies")
    _checks.positive(tolerance, "tolerance", "it is a relative residual")
    _checks.positive(max_products, "max_products", "an estimate takes a product at least")
    product = _Counted(hessian)
    vector = _unit(np.random.default_rng(seed).standard_normal(hessian.dimension))
    while True:
        image = product(vector)
        estimate = _estimate(vector, image)
        if estimate.residual <= tolerance * abs(estimate.value) or product.count >= max_products:
            return estimate
        vector = _unit(image)


def extreme_eigenvalues(
    hessian: HessianProduct, *, tolerance: float = 1e-3, max_restarts: int = 100, seed: int = 0
) -> ExtremeEigenvalues:
    r"""Both ends of the spectrum of a Hessian, by Lanczos: $L$ and, where the loss is convex, $\mu$ *at one point*.

    SciPy's implicitly restarted Lanczos method (ARPACK, about 20 vectors of memory) on $H$ finds the end $\theta$ of
    larger magnitude, on $H - \theta$ the other. So both tolerances are relative to the largest magnitude: a $\mu$ far
    below ``tolerance`` times $L$ is not resolved. Up to dimension 64 the matrix is formed instead.

    A1 and A2 want constants for *every component and every position*; this is one Hessian at one position. For a
    quadratic, a Hessian per component settles it; for a network it is a local figure, and the step rule a local rule.

    Args:
        hessian: products with $H$.
        tolerance: accuracy relative to the largest magnitude, $> 0$.
        max_restarts: restarts of Lanczos to give up after, $\ge 1$.
        seed: of the random start.

    Returns:
        Both ends, with residuals computed afresh from the vectors found.

    Raises:
        ValueError: If an argument is out of range or a product is not finite.
        RuntimeError: If Lanczos has not converged; `power_iteration` always gives an answer, with its residual.
        ModuleNotFoundError: If SciPy is not installed.

    Example:
        >>> import numpy as np
        >>> spectrum = np.linspace(0.5, 8.0, 100)
        >>> ends = extreme_eigenvalues(HessianProduct(lambda v: spectrum * v, dimension=100))
        >>> round(ends.smallest.value, 2), round(ends.largest.value, 2)
        (0.5, 8.0)

    References:
        Lehoucq, Sorensen and Yang, *ARPACK Users' Guide* (1998).
    """
    np = need("numpy", "studies")
    _checks.positive(tolerance, "tolerance", "it is a relative accuracy")
    _checks.positive(max_restarts, "max_restarts", "Lanczos starts once at least")
    product = _Counted(hessian)
    if hessian.dimension <= _DENSE:
        matrix = np.stack([product(unit) for unit in np.eye(hessian.dimension)])
        vectors = np.linalg.eigh((matrix + matrix.T) / 2).eigenvectors
        ends = [_estimate(vector, matrix @ vector) for vector in (vectors[:, 0], vectors[:, -1])]
        return ExtremeEigenvalues(ends[0], ends[1], product.count)

    start = np.random.default_rng(seed).standard_normal(hessian.dimension)
    one_end = _lanczos(product, 0.0, start, tolerance, max_restarts)
    other_end = _lanczos(product, one_end.value, start, tolerance, max_restarts)
    smallest, largest = sorted((one_end, other_end), key=lambda end: end.value)
    return ExtremeEigenvalues(smallest, largest, product.count)


def _lanczos(product: "_Counted", shift: float, start: Any, tolerance: float, max_restarts: int) -> EigenvalueEstimate:
    """The eigenvalue of H farthest from the shift."""
    linalg = need("scipy.sparse.linalg", "studies")

    def shifted(vector: Any) -> Any:
        return product(vector) - shift * vector

    if not shifted(start).any():  # a multiple of the identity, which ARPACK refuses
        return EigenvalueEstimate(shift, 0.0)
    operator = linalg.LinearOperator((start.size, start.size), matvec=shifted, dtype=start.dtype)
    try:
        _, vectors = linalg.eigsh(operator, k=1, which="LM", v0=start, tol=tolerance, maxiter=max_restarts)
    except linalg.ArpackNoConvergence:
        way_out = f"Lanczos has not settled to tolerance={tolerance:g}; raise one of the two, or use power_iteration"
        raise _checks.fail("max_restarts", "larger", max_restarts, way_out, RuntimeError) from None
    vector = _unit(vectors[:, 0])
    return _estimate(vector, product(vector))


class _Counted:
    """Products with a Hessian, checked and counted."""

    def __init__(self, hessian: HessianProduct) -> None:
        _checks.positive(hessian.dimension, "dimension", "it is the number of parameters")
        self.hessian = hessian
        self.count = 0
        self.np = need("numpy", "studies")

    def __call__(self, vector: Any) -> Any:
        self.count += 1
        image = self.np.asarray(self.hessian.product(vector), dtype=self.np.float64)
        if image.shape != vector.shape:
            raise _checks.fail(
                "product", f"a function onto vectors of shape {vector.shape}", image.shape, "H is square"
            )
        if not self.np.isfinite(image).all():
            raise _checks.fail("product", "finite", "nan or inf", "the loss has no curvature at this position")
        return image


def _norm(vector: Any) -> float:
    """Euclidean norm; scaled before squaring, as the squares of 1e-200 and 1e200 are no floats."""
    scale = float(abs(vector).max())
    if scale == 0:
        return 0.0
    scaled = vector / scale
    return scale * float(scaled @ scaled) ** 0.5


def _unit(vector: Any) -> Any:
    return vector / _norm(vector)


def _estimate(vector: Any, image: Any) -> EigenvalueEstimate:
    value = vector @ image
    return EigenvalueEstimate(float(value), _norm(image - value * vector))
