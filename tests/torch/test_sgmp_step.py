"""The step: against the NumPy reference, against torch.optim.SGD, on every backend, through a checkpoint."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import sgmp_steps
from underdamped import ExponentialDecay, GeometricDecay, semi_implicit_euler, sgmp_to_heavy_ball
from underdamped.torch import SGMP

BACKENDS = {
    "default": {},
    "loop": {"foreach": False, "fused": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "differentiable": {"differentiable": True},
    "compiled": {},
}
STEPS, DIMENSION = 60, 7
STEP_SIZES = 0.1 / (1 + 0.05 * np.arange(STEPS))
START = np.linspace(-1.0, 1.0, DIMENSION)
CURVATURE = np.linspace(0.5, 3.0, DIMENSION)
NOISE = np.random.default_rng(0).normal(size=(STEPS, DIMENSION))


def noisy_gradient(position, step):
    return CURVATURE * position + NOISE[step]


def parameters(backend):
    """The start, cut in two tensors so that lists of tensors are exercised."""
    tensors = [torch.tensor(START[:3]), torch.tensor(START[3:])]
    if backend == "differentiable":  # PyTorch's own rule: a leaf cannot be changed under autograd
        return [tensor.requires_grad_().clone() for tensor in tensors]
    return [torch.nn.Parameter(tensor) for tensor in tensors]


def position(params):
    return torch.cat([param.detach().flatten() for param in params]).numpy()


def set_gradient(params, gradient):
    split = np.split(gradient, [params[0].numel()])
    for param, part in zip(params, split, strict=True):
        param.retain_grad() if not param.is_leaf else None
        param.grad = torch.tensor(part, dtype=param.dtype).reshape(param.shape)


def stepper(backend, optimizer):
    return torch.compile(optimizer.step, backend="eager") if backend == "compiled" else optimizer.step


@pytest.mark.parametrize("backend", BACKENDS)
def test_equals_reference_with_lr_and_mass_varying_through_a_checkpoint(backend):
    schedule = ExponentialDecay(0.9, rate=0.1)
    masses = 0.9 * np.exp(-0.1 * np.arange(STEPS))
    expected, velocity = sgmp_steps(noisy_gradient, START, STEP_SIZES, masses, friction=1.3)

    def build(params):
        return SGMP(params, lr=STEP_SIZES[0], mass=schedule, friction=1.3, **BACKENDS[backend])

    params = parameters(backend)
    optimizer = build(params)
    step = stepper(backend, optimizer)
    for n in range(STEPS):
        if n == STEPS // 2:
            file = io.BytesIO()
            torch.save(optimizer.state_dict(), file)
            file.seek(0)
            params = [param.detach().clone().requires_grad_() for param in params]
            if backend == "differentiable":
                params = [param.clone() for param in params]
            optimizer = build(params)
            optimizer.load_state_dict(torch.load(file, weights_only=True))
            step = stepper(backend, optimizer)
        optimizer.param_groups[0]["lr"] = float(STEP_SIZES[n])
        set_gradient(params, noisy_gradient(position(params), n))
        step()
        np.testing.assert_allclose(position(params), expected[n], rtol=0, atol=1e-12)
    buffers = [optimizer.state[param]["momentum_buffer"] for param in params]
    np.testing.assert_allclose(-position(buffers), velocity[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mass_that_vanishes_and_comes_back_keeps_its_velocity(backend):
    masses = np.where(np.arange(STEPS) % 7 < 3, 0.0, 0.4)
    expected, _ = sgmp_steps(noisy_gradient, START, np.full(STEPS, 0.1), masses, friction=0.7)
    params = parameters(backend)
    optimizer = SGMP(params, lr=0.1, mass=lambda n: masses[n], friction=0.7, **BACKENDS[backend])
    step = stepper(backend, optimizer)
    for n in range(STEPS):
        set_gradient(params, noisy_gradient(position(params), n))
        step()
        np.testing.assert_allclose(position(params), expected[n], rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["loop", "foreach", "fused"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_mass_zero_is_plain_sgd_bitwise(backend, dtype):
    ours = [torch.nn.Parameter(torch.tensor(START, dtype=dtype))]
    theirs = [torch.nn.Parameter(torch.tensor(START, dtype=dtype))]
    optimizer = SGMP(ours, lr=0.1, mass=0.0, weight_decay=0.01, **BACKENDS[backend])
    oracle = torch.optim.SGD(theirs, lr=0.1, weight_decay=0.01, **BACKENDS[backend])
    for n in range(20):
        for params, method in ((ours, optimizer), (theirs, oracle)):
            params[0].grad = torch.tensor(NOISE[n], dtype=dtype)
            method.step()
        assert torch.equal(ours[0], theirs[0])
    assert not optimizer.state


@given(
    step_size=st.floats(1e-3, 1.0),
    mass=st.floats(0.0, 10.0),
    friction=st.floats(0.1, 10.0),
    weight_decay=st.sampled_from([0.0, 0.1]),
    maximize=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_constant_mass_is_torch_sgd_with_momentum(step_size, mass, friction, weight_decay, maximize):
    ours = torch.nn.Parameter(torch.tensor(START))
    theirs = torch.nn.Parameter(torch.tensor(START))
    lr, momentum = sgmp_to_heavy_ball(step_size, mass, friction)
    common = {"weight_decay": weight_decay, "maximize": maximize}
    optimizer = SGMP([ours], lr=step_size, mass=mass, friction=friction, **common)
    oracle = torch.optim.SGD([theirs], lr=lr, momentum=momentum, **common)
    for n in range(15):
        ours.grad, theirs.grad = torch.tensor(NOISE[n]), torch.tensor(NOISE[n])
        optimizer.step()
        oracle.step()
    scale = 1 + theirs.detach().abs().max().item()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * scale)


def test_from_sgd_starts_as_that_sgd_and_ends_as_plain_sgd():
    ours = torch.nn.Parameter(torch.tensor(START))
    theirs = torch.nn.Parameter(torch.tensor(START))
    hold = 10
    optimizer = SGMP.from_sgd([ours], lr=0.1, momentum=0.9, mass_decay=lambda n: 1.0 if n < hold else 0.0, friction=2.5)
    oracle = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    for n in range(hold):
        ours.grad, theirs.grad = torch.tensor(NOISE[n]), torch.tensor(NOISE[n])
        optimizer.step()
        oracle.step()
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)
    before = ours.detach().clone()
    ours.grad = torch.tensor(NOISE[hold])
    optimizer.step()
    torch.testing.assert_close(ours.detach(), before - 0.1 / (1 - 0.9) * ours.grad, rtol=1e-13, atol=0)


def test_from_sgd_converts_each_group_in_sgds_own_words():
    first, second = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    groups = [{"params": [first]}, {"params": [second], "lr": 0.01, "momentum": 0.5}]
    optimizer = SGMP.from_sgd(groups, lr=0.1, momentum=0.9, mass_decay=0.5)
    for group, lr, momentum in zip(optimizer.param_groups, (0.1, 0.01), (0.9, 0.5), strict=True):
        assert group["decay"] == pytest.approx(momentum, abs=1e-14)
        _, gain = semi_implicit_euler(group["lr"], group["mass"], group["friction"])
        assert group["lr"] * gain == pytest.approx(lr, rel=1e-14)
    assert groups[1]["lr"] == 0.01, "the caller's dictionaries are left alone"
    first.grad = second.grad = torch.ones(2)
    optimizer.step()
    optimizer.step()
    assert optimizer.param_groups[1]["mass"] == pytest.approx(0.5 * 0.02 * 0.5 / 0.5, rel=1e-14)


@pytest.mark.parametrize("backend", ["default", "loop", "foreach"])
@pytest.mark.parametrize("mass", [0.0, 0.4])
def test_complex_parameters_move_as_pairs_of_reals(backend, mass):
    complex_param = torch.nn.Parameter(torch.complex(torch.tensor(START), torch.tensor(START[::-1].copy())))
    real_param = torch.nn.Parameter(torch.view_as_real(complex_param.detach()).clone())
    both = [SGMP([param], lr=0.1, mass=mass, **BACKENDS[backend]) for param in (complex_param, real_param)]
    for n in range(10):
        gradient = torch.complex(torch.tensor(NOISE[n]), torch.tensor(NOISE[n + 1]))
        complex_param.grad, real_param.grad = gradient, torch.view_as_real(gradient).clone()
        for optimizer in both:
            optimizer.step()
    torch.testing.assert_close(torch.view_as_real(complex_param.detach()), real_param.detach(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mass", [0.0, 0.4, GeometricDecay(0.4, ratio=0.5)])
@pytest.mark.parametrize("options", [{}, {"decoupled_weight_decay": True, "weight_decay": 0.1}, {"maximize": True}])
def test_sparse_gradients_move_as_dense_ones(mass, options):
    weights = [torch.nn.Parameter(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).double()) for _ in "ab"]
    weights[1].data.copy_(weights[0].data)
    both = [SGMP([weight], lr=0.1, mass=mass, **options) for weight in weights]
    for rows in ([0, 2, 2], [5], [2, 4]):
        for weight, sparse, optimizer in zip(weights, (True, False), both, strict=True):
            optimizer.zero_grad()
            torch.nn.functional.embedding(torch.tensor(rows), weight, sparse=sparse).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-14)


def test_sparse_gradients_refuse_coupled_weight_decay_before_anything_moves():
    weight = torch.nn.Parameter(torch.ones(6, 3))
    optimizer = SGMP([weight], lr=0.1, mass=0.5, weight_decay=0.1)
    torch.nn.functional.embedding(torch.tensor([1]), weight, sparse=True).sum().backward()
    with pytest.raises(RuntimeError, match="decoupled_weight_decay"):
        optimizer.step()
    assert optimizer.param_groups[0]["step"] == 0
    assert torch.equal(weight, torch.ones(6, 3))


@pytest.mark.parametrize("mass", [0.0, 0.4])
def test_decoupled_weight_decay_follows_its_formula(mass):
    lr, friction, weight_decay = 0.1, 2.0, 0.3
    param = torch.nn.Parameter(torch.tensor(START))
    optimizer = SGMP(
        [param], lr=lr, mass=mass, friction=friction, weight_decay=weight_decay, decoupled_weight_decay=True
    )
    q, p = START.copy(), np.zeros(DIMENSION)
    for n in range(STEPS):
        p = (mass / lr * p - NOISE[n]) / (mass / lr + friction)
        q = (1 - lr / friction * weight_decay) * q + lr * p
        param.grad = torch.tensor(NOISE[n])
        optimizer.step()
        np.testing.assert_allclose(param.detach().numpy(), q, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("param", "grad"),
    [
        (torch.randn(8, 6).t(), torch.randn(6, 8)),
        (torch.randn(6, 16)[:, ::2], torch.randn(6, 8)),
        (torch.randn(6, 8), torch.randn(8, 6).t()),
        (torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), torch.randn(2, 3, 4, 5)),
    ],
    ids=["transposed parameter", "strided parameter", "transposed gradient", "channels-last parameter"],
)
@pytest.mark.parametrize("mass", [0.0, 0.5])
def test_memory_layout_never_changes_the_step(param, grad, mass):
    # PyTorch 2.13's own fused CPU kernel fails this: it walks raw memory whatever the strides.
    results = []
    for options in ({}, {"foreach": False}):
        moved = torch.nn.Parameter(param.clone(memory_format=torch.preserve_format))
        if not param.is_contiguous() and param.stride() != moved.stride():
            moved = torch.nn.Parameter(param.detach())
        start = moved.detach().clone()
        optimizer = SGMP([moved], lr=0.1, mass=mass, **options)
        for _ in range(3):
            moved.grad = grad
            optimizer.step()
        results.append(moved.detach().clone())
        moved.data.copy_(start)
    assert torch.equal(*results)


def test_asking_for_the_fused_kernel_where_it_is_wrong_is_refused():
    param = torch.nn.Parameter(torch.randn(6, 8))
    param.grad = torch.randn(8, 6).t()
    optimizer = SGMP([param], lr=0.1, mass=0.5, fused=True)
    with pytest.raises(RuntimeError, match="same strides"):
        optimizer.step()
