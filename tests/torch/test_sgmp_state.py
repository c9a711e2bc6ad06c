"""Checkpoints: bitwise, weights-only, from SGD, half-filled, distributed, pickled."""

import copy
import io
import pickle

import pytest
import torch
import torch.distributed.checkpoint.state_dict as dcp

from underdamped import GeometricDecay, LinearDecay
from underdamped.torch import SGMP

GRADIENTS = torch.randn(20, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def run(optimizer, param, steps):
    for n in steps:
        param.grad = GRADIENTS[n].to(param.dtype)
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("mass", [0.7, GeometricDecay(0.7, ratio=0.9), LinearDecay(0.7, duration=15)])
def test_round_trip_is_bitwise(dtype, mass):
    whole = torch.nn.Parameter(torch.ones(5, dtype=dtype))
    optimizer = SGMP([whole], lr=0.1, mass=mass)
    run(optimizer, whole, range(20))

    param = torch.nn.Parameter(torch.ones(5, dtype=dtype))
    optimizer = SGMP([param], lr=0.1, mass=mass)
    run(optimizer, param, range(10))
    state = through_a_file(optimizer.state_dict())
    resumed = torch.nn.Parameter(param.detach().clone())
    optimizer = SGMP([resumed], lr=123.0, mass=mass)
    optimizer.load_state_dict(state)
    again = optimizer.state_dict()
    assert again["param_groups"] == state["param_groups"]
    assert torch.equal(again["state"][0]["momentum_buffer"], state["state"][0]["momentum_buffer"])
    run(optimizer, resumed, range(10, 20))
    assert torch.equal(resumed, whole)


def test_groups_hold_plain_values_only():
    optimizer = SGMP([torch.nn.Parameter(torch.ones(5))], mass=GeometricDecay(0.7, ratio=0.9))
    for name, value in optimizer.state_dict()["param_groups"][0].items():
        assert name == "params" or value is None or isinstance(value, bool | int | float), name


def test_missing_keys_keep_their_present_value():
    param = torch.nn.Parameter(torch.ones(5))
    optimizer = SGMP([param], lr=0.1, mass=0.7, friction=2.0)
    state = optimizer.state_dict()
    for name in ("friction", "decoupled_weight_decay", "momentum", "fused", "step", "decay", "effective_lr"):
        del state["param_groups"][0][name]
    optimizer.load_state_dict(state)
    run(optimizer, param, range(3))
    assert optimizer.param_groups[0]["friction"] == 2.0
    assert optimizer.param_groups[0]["step"] == 3


@pytest.mark.parametrize("friction", [1.0, 3.0])
@pytest.mark.parametrize("sgd", [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}])
def test_goes_on_from_a_run_of_torch_sgd(sgd, friction):
    theirs = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    oracle = torch.optim.SGD([theirs], lr=0.1, **sgd)
    run(oracle, theirs, range(10))

    ours = torch.nn.Parameter(theirs.detach().clone())
    optimizer = SGMP([ours], lr=5.0, mass=5.0, friction=friction)
    optimizer.load_state_dict(through_a_file(oracle.state_dict()))
    run(oracle, theirs, range(10, 20))
    run(optimizer, ours, range(10, 20))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)
    assert optimizer.param_groups[0]["step"] == 10


def test_going_on_from_sgd_a_schedule_begins_at_the_handover():
    param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    oracle = torch.optim.SGD([param], lr=0.1, momentum=0.9)
    run(oracle, param, range(10))
    optimizer = SGMP.from_sgd([param], lr=0.1, momentum=0.9, mass_decay=0.5)
    optimizer.load_state_dict(oracle.state_dict())
    position, velocity = param.detach().clone(), -optimizer.state[param]["momentum_buffer"].clone()
    torch.testing.assert_close(velocity, -0.1 * oracle.state[param]["momentum_buffer"], rtol=1e-14, atol=0)
    run(optimizer, param, [10])
    torch.testing.assert_close(param.detach(), position + 0.9 * velocity - 0.1 * GRADIENTS[10], rtol=0, atol=1e-14)
    run(optimizer, param, [11])
    assert optimizer.param_groups[0]["mass"] == pytest.approx(4.5)


def test_going_on_from_sgd_follows_the_lr_and_momentum_of_that_run():
    param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    oracle = torch.optim.SGD([param], lr=0.01, momentum=0.8)
    run(oracle, param, range(10))
    twin = torch.nn.Parameter(param.detach().clone())
    optimizer = SGMP.from_sgd([twin], lr=0.1, momentum=0.9, mass_decay=lambda n: 1.0 if n < 5 else 0.0)
    optimizer.load_state_dict(oracle.state_dict())
    group = optimizer.param_groups[0]
    assert (group["decay"], group["effective_lr"]) == (pytest.approx(0.8), pytest.approx(0.05))
    run(oracle, param, range(10, 15))
    run(optimizer, twin, range(10, 15))
    torch.testing.assert_close(twin, param, rtol=0, atol=1e-14)


def test_a_schedule_that_would_make_the_mass_jump_is_refused_with_advice():
    param = torch.nn.Parameter(torch.ones(5))
    state = torch.optim.SGD([param], lr=0.1, momentum=0.9).state_dict()
    SGMP([param], mass=GeometricDecay(9.0, ratio=0.99)).load_state_dict(state)
    with pytest.raises(ValueError, match="from_sgd"):
        SGMP([param], mass=GeometricDecay(1.0, ratio=0.99)).load_state_dict(state)


def test_the_state_of_another_optimiser_is_refused():
    param = torch.nn.Parameter(torch.ones(5))
    adam = torch.optim.AdamW([param])
    run(adam, param, range(1))
    with pytest.raises(ValueError, match=r"exp_avg.*another optimiser"):
        SGMP([param]).load_state_dict(adam.state_dict())


def test_nesterov_is_refused_and_nothing_changes():
    param = torch.nn.Parameter(torch.ones(5))
    oracle = torch.optim.SGD([param], lr=0.1, momentum=0.9, nesterov=True)
    optimizer = SGMP([param], lr=0.3, mass=0.5)
    with pytest.raises(ValueError, match="nesterov"):
        optimizer.load_state_dict(oracle.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.3


def test_a_state_of_other_groups_is_refused():
    first, second = torch.nn.Parameter(torch.ones(5)), torch.nn.Parameter(torch.ones(5))
    one, two = SGMP([first]), SGMP([{"params": [first]}, {"params": [second]}])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        one.load_state_dict(two.state_dict())


@pytest.mark.parametrize("mass", [0.0, 0.7, GeometricDecay(0.7, ratio=0.9)])
def test_distributed_checkpoints_probe_is_harmless(mass):
    model = torch.nn.Linear(5, 2)
    optimizer = SGMP(model.parameters(), lr=0.1, mass=mass)
    before = copy.deepcopy(model.state_dict())
    state = dcp.get_optimizer_state_dict(model, optimizer)  # takes a step with lr = 0 to learn the state's shape
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert optimizer.param_groups[0]["step"] == 0
    assert optimizer.param_groups[0]["lr"] == 0.1

    model(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    state = copy.deepcopy(dcp.get_optimizer_state_dict(model, optimizer))
    fresh = SGMP(model.parameters(), lr=0.1, mass=mass)
    dcp.set_optimizer_state_dict(model, fresh, state)
    for param in model.parameters():
        assert ("momentum_buffer" in fresh.state[param]) == (mass != 0.0)
        if mass != 0.0:
            assert torch.equal(fresh.state[param]["momentum_buffer"], optimizer.state[param]["momentum_buffer"])
    assert fresh.param_groups[0]["step"] == 1


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_copies_keep_the_schedule(duplicate):
    param = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    optimizer = SGMP([param], lr=0.1, mass=GeometricDecay(0.7, ratio=0.5))
    run(optimizer, param, range(3))
    twin = duplicate(optimizer)
    (twin_param,) = twin.param_groups[0]["params"]
    run(optimizer, param, range(3, 6))
    run(twin, twin_param, range(3, 6))
    assert torch.equal(twin_param, param)
    assert twin.param_groups[0]["mass"] == 0.7 * 0.5**5
    twin.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
    assert twin.param_groups[1]["mass"] == 0.7 * 0.5**6
