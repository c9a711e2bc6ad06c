"""PyTorch's own machinery around an optimiser: schedulers, scalers, compilers, hooks, autograd."""

import inspect
import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from underdamped import GeometricDecay, LinearDecay
from underdamped.torch import SGMP

STEPS = 12
GRADIENTS = torch.randn(STEPS, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def halve(epoch):
    return 0.5**epoch


def chain(optimizer):
    parts = [lr_scheduler.LinearLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[4])


SCHEDULERS = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, halve),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, halve),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 5]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "SequentialLR": chain,
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o)]),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, total_iters=STEPS),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=4),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3, cycle_momentum=False),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False),
}


def test_every_scheduler_of_pytorch_is_tried():
    public = {
        name
        for name, value in vars(lr_scheduler).items()
        if inspect.isclass(value) and issubclass(value, lr_scheduler.LRScheduler) and not name.startswith("_")
    }
    assert public - {"LRScheduler"} == set(SCHEDULERS)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_drive_the_step_as_they_drive_sgd(name):
    runs = []
    for build in (lambda p: SGMP([p], lr=0.1), lambda p: torch.optim.SGD([p], lr=0.1)):
        param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
        optimizer = build(param)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # schedulers warn when they find the optimiser's step out of order
            scheduler = SCHEDULERS[name](optimizer)
            for gradient in GRADIENTS:
                param.grad = gradient
                optimizer.step()
                scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        runs.append(param.detach())
    torch.testing.assert_close(*runs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("mass_decay", [None, lambda n: 1.0], ids=["momentum kept", "mass schedule"])
@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name not in ("CyclicLR", "OneCycleLR")])
def test_from_sgd_is_that_sgd_under_every_scheduler(name, mass_decay):
    runs = []
    for build in (
        lambda p: SGMP.from_sgd([p], lr=0.1, momentum=0.9, mass_decay=mass_decay),
        lambda p: torch.optim.SGD([p], lr=0.1, momentum=0.9),
    ):
        param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
        optimizer = build(param)
        scheduler = SCHEDULERS[name](optimizer)
        for gradient in GRADIENTS:
            param.grad = gradient
            optimizer.step()
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        runs.append(param.detach())
    torch.testing.assert_close(*runs, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "build",
    [
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=STEPS),
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, step_size_up=3),
    ],
    ids=["OneCycleLR", "CyclicLR"],
)
def test_cycled_momentum_is_the_decay(build):
    param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    optimizer = SGMP([param], lr=0.1, mass=0.3, friction=2.0)
    scheduler = build(optimizer)
    momenta = []
    for gradient in GRADIENTS:
        momentum = optimizer.param_groups[0]["momentum"]
        param.grad = gradient
        optimizer.step()
        assert optimizer.param_groups[0]["decay"] == pytest.approx(momentum, rel=1e-14)
        momenta.append(momentum)
        scheduler.step()
    assert max(momenta) - min(momenta) > 0.05


def test_cycled_momentum_and_a_mass_schedule_contradict_each_other():
    param = torch.nn.Parameter(torch.ones(5))
    param.grad = torch.ones(5)
    optimizer = SGMP([param], lr=0.1, mass=GeometricDecay(0.3, ratio=0.9))
    lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=STEPS)
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        optimizer.step()


def test_a_step_skipped_by_the_gradient_scaler_does_not_age_the_mass():
    param = torch.nn.Parameter(torch.ones(5))
    optimizer = SGMP([param], lr=0.1, mass=GeometricDecay(0.8, ratio=0.5))
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    expected = torch.nn.Parameter(torch.ones(5))
    plain = SGMP([expected], lr=0.1, mass=GeometricDecay(0.8, ratio=0.5))
    for n in range(6):
        overflow = n in (1, 3)
        optimizer.zero_grad()
        scaler.scale((param.square() * (float("inf") if overflow else 1.0)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        if not overflow:
            plain.zero_grad()
            expected.square().sum().backward()
            plain.step()
    assert optimizer.param_groups[0]["step"] == 4
    torch.testing.assert_close(param, expected)


@pytest.mark.parametrize("compile_lr", [0.1, torch.tensor(0.1)], ids=["float lr", "tensor lr"])
def test_compiled_steps_do_not_recompile_while_mass_and_lr_change(compile_lr):
    torch._dynamo.reset()
    graphs = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    params = [torch.nn.Parameter(torch.ones(5)) for _ in range(3)]
    eager = [torch.nn.Parameter(torch.ones(5)) for _ in range(3)]
    schedule = LinearDecay(0.8, duration=100)
    compiled, plain = SGMP(params, lr=compile_lr, mass=schedule), SGMP(eager, lr=0.1, mass=schedule)
    step = torch.compile(compiled.step, backend=count)
    seen = []
    for n, gradient in enumerate(GRADIENTS.float()):
        for param in (*params, *eager):
            param.grad = gradient.clone()
        for optimizer in (compiled, plain):
            lr = optimizer.param_groups[0]["lr"]
            value = 0.1 / (1 + n)
            if isinstance(lr, torch.Tensor):
                lr.fill_(value)
            else:
                optimizer.param_groups[0]["lr"] = value
        step()
        plain.step()
        seen.append(len(graphs))
    assert seen[-1] == seen[1] > 0, f"graphs compiled after each step: {seen}"
    for param, reference in zip(params, eager, strict=True):
        torch.testing.assert_close(param, reference)


def test_step_hooks_run_around_the_step():
    param = torch.nn.Parameter(torch.ones(5))
    param.grad = torch.ones(5)
    optimizer = SGMP([param], lr=0.1)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append(param.detach().clone()))
    optimizer.register_step_post_hook(lambda *_: seen.append(param.detach().clone()))
    optimizer.step()
    torch.testing.assert_close(torch.stack(seen), torch.tensor([[1.0] * 5, [0.9] * 5]))


def unrolled_loss(lr, start):
    param = start * 1.0
    optimizer = SGMP([param], lr=lr, mass=GeometricDecay(0.5, ratio=0.7), weight_decay=0.1, differentiable=True)
    for gradient in GRADIENTS[:6]:
        param.grad = torch.autograd.grad((param.clone().sin() * gradient).sum(), param, create_graph=True)[0]
        optimizer.step()
    return param.square().sum()


def test_unrolled_steps_are_differentiable_in_the_start_and_in_the_learning_rate():
    lr = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    start = torch.ones(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(unrolled_loss, (lr, start))


def test_named_parameters_are_kept():
    model = torch.nn.Linear(3, 2)
    optimizer = SGMP(model.named_parameters(), lr=0.1, mass=0.5)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    converted = SGMP.from_sgd(model.named_parameters(), lr=0.1, momentum=0.9)
    assert converted.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_a_tensor_learning_rate_moves_as_a_float():
    runs = []
    for lr in (0.1, torch.tensor(0.1, dtype=torch.float64), torch.tensor([0.1], dtype=torch.float64)):
        param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
        optimizer = SGMP([param], lr=lr, mass=0.4)
        for gradient in GRADIENTS:
            param.grad = gradient
            optimizer.step()
        runs.append(param.detach())
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[0], runs[2])
