"""One step of the scheme on PyTorch tensors: by PyTorch's SGD kernels, or by formulas that autograd can trace."""

from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from underdamped.coefficients import Scalar


class Update(NamedTuple):
    """All that a step of one parameter group needs.

    Attributes:
        params: positions q, changed in place.
        grads: gradients g, read only.
        buffers: -p, changed in place; empty once the mass is lost.
        lr: h.
        decay: share of the velocity that survives.
        gain: share of the gradient that enters the velocity.
        weight_decay: coupled weight decay, added to the gradient.
        shrink: what decoupled weight decay multiplies the positions by; 1 without.
        maximize: ascend.
        sparse: whether some gradient is sparse.
        foreach: as in ``torch.optim.SGD``.
        fused: as in ``torch.optim.SGD``.
        traced: whether lr, decay and gain are tensors, for `traced_step`.
    """

    params: list[Tensor]
    grads: list[Tensor]
    buffers: list[Tensor]
    lr: Scalar
    decay: Scalar
    gain: Scalar
    weight_decay: float
    shrink: Scalar
    maximize: bool
    sparse: bool
    foreach: bool | None
    fused: bool | None
    traced: bool


def kernel_step(update: Update) -> None:
    """Take the step by PyTorch's functional ``sgd``: its loop, foreach or fused kernels.

    ``sgd`` computes ``buffer = momentum * buffer + (1 - dampening) * grad`` and ``param -= lr * buffer``: our step,
    for ``momentum = decay`` and ``dampening = 1 - gain``, when the buffer starts at zero rather than at the gradient.
    Its ``1 - dampening`` is the gain up to a relative error of about 1e-16 / gain, far below float32's own.
    """
    momentum, lr = update.decay, update.lr
    if update.shrink != 1:
        torch._foreach_mul_(update.params, update.shrink)  # pyright: ignore[reportPrivateImportUsage]
    if not update.buffers:
        momentum, lr = 0.0, lr * update.gain  # with momentum 0 sgd ignores dampening and buffers
    elif momentum == 0:
        # A mass that is 0 for now: the velocity is still -gain * grad, which a mass that comes back will need.
        torch._foreach_zero_(update.buffers)  # pyright: ignore[reportPrivateImportUsage]
        momentum = 1.0
    sgd(
        update.params,
        update.grads,
        update.buffers or [None] * len(update.params),  # pyright: ignore[reportArgumentType]
        has_sparse_grad=update.sparse,
        foreach=update.foreach,
        fused=update.fused,
        weight_decay=update.weight_decay,
        momentum=momentum,
        lr=lr,
        dampening=1 - update.gain,
        nesterov=False,
        maximize=update.maximize,
    )


def traced_step(update: Update) -> None:
    """Take the step by tensor formulas alone, with tensor coefficients.

    Autograd can differentiate it, in the learning rate too, and a compiler sees coefficients that change as data
    rather than as new constants to recompile for. The clones keep what backward needs out of reach of the next step.
    """
    for i, (param, raw_grad) in enumerate(zip(update.params, update.grads, strict=True)):
        grad = -raw_grad if update.maximize else raw_grad
        if update.weight_decay != 0:
            grad = grad + update.weight_decay * param.clone()
        drive = update.gain * grad
        if update.buffers:
            buffer = update.buffers[i]
            drive = update.decay * buffer.clone() + drive
            buffer.copy_(drive)
        param.copy_(update.shrink * param.clone() - update.lr * drive)


def same_layout(params: list[Tensor], grads: list[Tensor], buffers: list[Tensor]) -> bool:
    """Whether the raw memory of params, gradients and buffers can be walked side by side.

    PyTorch's fused CPU kernel does walk it so, without looking: where strides differ it pairs the wrong elements.
    """
    if all(map(Tensor.is_contiguous, chain(params, grads, buffers))):
        return True
    for tensors in zip(params, grads, buffers or grads, strict=True):
        dense = torch.empty_like(tensors[0], device="meta").stride()  # an empty copy keeps a layout that is dense
        if any(tensor.stride() != dense for tensor in tensors):
            return False
    return True
