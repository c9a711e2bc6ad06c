"""Hessians of real losses, as products with vectors: from a matrix, from PyTorch, from JAX."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from underdamped import _checks
from underdamped.theory._lazy import need


class HessianProduct(NamedTuple):
    r"""A symmetric matrix known by its products, $v \mapsto Hv$.

    Attributes:
        product: takes and gives float64 NumPy vectors of length ``dimension``; linear and repeatable.
        dimension: $K$.

    Example:
        >>> import numpy as np
        >>> H = HessianProduct(product=lambda v: np.array([1.0, 4.0]) * v, dimension=2)
        >>> H.product(np.array([1.0, 1.0])).tolist()
        [1.0, 4.0]
    """

    product: Callable[[Any], Any]
    dimension: int


def hessian_from_torch(
    loss: Callable[..., Any], parameters: Iterable[Any], batches: Sequence[Any] | None = None
) -> HessianProduct:
    r"""The Hessian of a PyTorch model's loss at its present parameters, by double backward.

    $$H = \frac1n \sum_{b=1}^n \nabla^2 \ell(\,\cdot\,; b)$$

    Two calls must see the same function: put the model in ``eval()`` mode, so that neither drop-out draws nor batch
    norm changes, and give fixed batches, of equal size as they get equal weight. `extreme_eigenvalues` on one batch
    at a time shows how far the worst batch lies above the mean.

    Args:
        loss: $\ell$, a function of a batch that returns a scalar tensor; of nothing if ``batches`` is None.
        parameters: the tensors to differentiate by, such as ``model.parameters()``; those that do not require
            gradients are left out. On one device.
        batches: what ``loss`` is called with, a list; kept, and walked through at every product.

    Returns:
        Products with $H$, computed in the parameters' precision.

    Raises:
        ValueError: If no parameter requires a gradient or there are no batches.
        TypeError: If ``batches`` can be walked through only once.
        ModuleNotFoundError: If PyTorch is not installed.

    Example:
        >>> import torch
        >>> weight = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> H = hessian_from_torch(lambda batch: batch * weight.square().sum(), [weight], batches=[1.0, 3.0])
        >>> H.product([1.0, 0.0]).tolist()  # the mean of 2 and 6
        [4.0, 0.0]

    References:
        Pearlmutter, *Fast exact multiplication by the Hessian* (Neural Computation, 1994).
    """
    torch, np = need("torch", "torch"), need("numpy", "torch")
    variables: list[Any] = [parameter for parameter in parameters if parameter.requires_grad]
    if not variables:
        raise _checks.fail("parameters", "tensors that require gradients", [], "there is nothing to differentiate by")
    if isinstance(batches, Iterator):
        way_out = "every product walks through it again; use list(...)"
        raise _checks.fail("batches", "a list or a data loader", batches, way_out, TypeError)
    if batches is not None and len(batches) == 0:
        raise _checks.fail("batches", "non-empty", batches, "leave it out if `loss` takes no batch")

    def product(vector: Any) -> Any:
        flat = torch.as_tensor(np.asarray(vector), dtype=variables[0].dtype, device=variables[0].device)
        pieces = flat.split([variable.numel() for variable in variables])
        direction = [piece.view_as(variable) for piece, variable in zip(pieces, variables, strict=True)]
        total, calls = torch.zeros_like(flat), [()] if batches is None else ((batch,) for batch in batches)
        count = 0
        for arguments in calls:
            with torch.enable_grad():
                slopes = torch.autograd.grad(loss(*arguments), variables, create_graph=True, materialize_grads=True)
                along: Any = sum((slope * part).sum() for slope, part in zip(slopes, direction, strict=True))
            if along.requires_grad:  # a loss that is linear in the parameters has no graph left, and no Hessian
                bent = torch.autograd.grad(along, variables, materialize_grads=True)
                total += torch.cat([piece.reshape(-1) for piece in bent])
            count += 1
        return (total / count).to(device="cpu", dtype=torch.float64).numpy()

    return HessianProduct(product, sum(variable.numel() for variable in variables))


def hessian_from_jax(loss: Callable[[Any], Any], position: Any) -> HessianProduct:
    r"""The Hessian of a JAX function at a position, forward over reverse and compiled once.

    $$Hv = \frac{d}{d\epsilon} \nabla\Phi(q + \epsilon v)\Big|_{\epsilon=0}$$

    In the precision of ``position``: single, unless JAX's 64-bit mode is on.

    Args:
        loss: $\Phi$, a scalar function of one pytree.
        position: $q$, an array or any pytree of arrays.

    Returns:
        Products with $H$, in the order of ``jax.flatten_util.ravel_pytree``.

    Raises:
        ModuleNotFoundError: If JAX is not installed.

    Example:
        >>> import jax.numpy as jnp
        >>> H = hessian_from_jax(lambda q: 2 * q["a"] ** 2 + q["a"] * q["b"], {"a": jnp.ones(()), "b": jnp.ones(())})
        >>> H.product([1.0, 0.0]).tolist()
        [4.0, 1.0]

    References:
        The JAX documentation, *The autodiff cookbook*, Hessian-vector products.
    """
    jax, flatten, np = need("jax", "jax"), need("jax.flatten_util", "jax"), need("numpy", "jax")
    flat, unflatten = flatten.ravel_pytree(position)
    gradient = jax.grad(lambda vector: loss(unflatten(vector)))
    compiled = jax.jit(lambda direction: jax.jvp(gradient, (flat,), (direction,))[1])

    def product(vector: Any) -> Any:
        return np.asarray(compiled(jax.numpy.asarray(vector, dtype=flat.dtype)), dtype=np.float64)

    return HessianProduct(product, flat.size)
