"""Groups, their clocks, what they show, and what is refused."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch

from underdamped import Constant, GeometricDecay, LinearDecay, semi_implicit_euler
from underdamped.torch import SGMP


def parameter(size=3):
    param = torch.nn.Parameter(torch.ones(size))
    param.grad = torch.ones(size)
    return param


def test_each_group_has_options_and_a_schedule_of_its_own():
    a, b, c = parameter(), parameter(), parameter()
    optimizer = SGMP(
        [
            {"params": [a]},
            {"params": [b], "lr": 0.5, "mass": 0.25, "friction": 2.0},
            {"params": [c], "mass": Constant(1.0), "weight_decay": 0.1},
        ],
        lr=0.1,
        mass=GeometricDecay(0.8, ratio=0.5),
    )
    for _ in range(3):
        optimizer.step()
    shown = [(group["mass"], group["decay"], group["effective_lr"]) for group in optimizer.param_groups]
    assert shown[0] == pytest.approx((0.2, 0.2 / 0.3, 0.1))
    assert shown[1] == pytest.approx((0.25, 0.25 / 1.25, 0.25))
    assert shown[2] == pytest.approx((1.0, 1.0 / 1.1, 0.1))


def test_groups_show_their_coefficients_before_the_first_step():
    optimizer = SGMP([parameter()], lr=0.1, mass=GeometricDecay(0.9, ratio=0.5))
    group = optimizer.param_groups[0]
    assert (group["mass"], group["step"], group["effective_lr"]) == (0.9, 0, 0.1)
    assert group["decay"] == semi_implicit_euler(0.1, 0.9, 1.0).decay


def test_a_late_group_joins_the_clock_or_starts_its_own():
    optimizer = SGMP([parameter()], lr=0.1, mass=GeometricDecay(1.0, ratio=0.5))
    for _ in range(3):
        optimizer.step()
    optimizer.add_param_group({"params": [parameter()]})
    optimizer.add_param_group({"params": [parameter()], "step": 0})
    optimizer.step()
    assert [group["mass"] for group in optimizer.param_groups] == [0.125, 0.125, 1.0]
    assert [group["step"] for group in optimizer.param_groups] == [4, 4, 1]


def test_a_mass_given_as_a_number_may_be_changed_by_hand():
    optimizer = SGMP([parameter()], lr=0.1, mass=0.9)
    optimizer.step()
    optimizer.param_groups[0]["mass"] = 0.1
    optimizer.step()
    assert optimizer.param_groups[0]["decay"] == 0.5


def test_momentum_in_a_group_fixes_the_decay():
    optimizer = SGMP([{"params": [parameter()], "momentum": 0.9}], lr=0.5, friction=2.0)
    for lr in (0.5, 0.25):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        assert optimizer.param_groups[0]["decay"] == pytest.approx(0.9, abs=1e-15)
        assert optimizer.param_groups[0]["mass"] == pytest.approx(2.0 * lr * 9, rel=1e-14)


def test_a_step_with_zero_lr_moves_nothing_and_does_not_age_the_mass():
    for mass in (0.0, 0.5, GeometricDecay(0.5, ratio=0.5)):
        param = parameter()
        optimizer = SGMP([param], lr=0.1, mass=mass)
        optimizer.step()
        position, group = param.detach().clone(), optimizer.param_groups[0]
        buffers = {key: value.clone() for key, value in optimizer.state.get(param, {}).items()}
        group["lr"] = 0.0
        optimizer.step()
        assert torch.equal(param, position)
        assert group["step"] == 1
        assert math.isfinite(group["decay"])
        for key, value in buffers.items():
            assert torch.equal(optimizer.state[param][key], value)


def test_the_closure_runs_first_with_gradients_enabled():
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = SGMP([param], lr=0.1)

    def closure():
        assert torch.is_grad_enabled()
        assert torch.equal(param, torch.ones(3))
        optimizer.zero_grad()
        loss = param.square().sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure) == 3.0
    torch.testing.assert_close(param.detach(), torch.full((3,), 0.8))


def test_gradients_are_left_alone_and_missing_ones_passed_over():
    with_gradient, without = parameter(), torch.nn.Parameter(torch.ones(2))
    gradient = with_gradient.grad.clone()
    optimizer = SGMP([with_gradient, without], lr=0.1, mass=0.5, weight_decay=0.1, maximize=True)
    for _ in range(3):
        optimizer.step()
    assert torch.equal(with_gradient.grad, gradient)
    assert torch.equal(without, torch.ones(2))
    assert without not in optimizer.state


@pytest.mark.parametrize("options", [{}, {"foreach": False}, {"foreach": True}, {"fused": True}])
def test_one_buffer_a_parameter_freed_once_the_mass_is_lost_for_good(options):
    params = [parameter(4), parameter(5)]
    optimizer = SGMP(params, lr=0.1, mass=LinearDecay(1.0, duration=3), **options)
    for n in range(5):
        optimizer.step()
        if n < 3:
            assert [list(optimizer.state[param]) for param in params] == [["momentum_buffer"]] * 2
            assert [optimizer.state[param]["momentum_buffer"].shape for param in params] == [(4,), (5,)]
        else:
            assert not optimizer.state


def test_a_mass_of_unknown_future_keeps_its_buffers_at_zero():
    param = parameter()
    optimizer = SGMP([param], lr=0.1, mass=lambda n: 0.0)
    optimizer.step()
    torch.testing.assert_close(optimizer.state[param]["momentum_buffer"], torch.ones(3))  # minus the velocity -g


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "`lr` must be non-negative, got -0.1"),
        ({"lr": math.nan}, "`lr` must be finite"),
        ({"lr": torch.ones(2)}, "one-element tensor"),
        ({"mass": -1.0}, "`mass` must be non-negative, got -1.0"),
        ({"mass": math.inf}, "`mass` must be finite"),
        ({"friction": 0.0}, "`friction` must be positive, got 0.0: without friction the flow does not converge."),
        ({"friction": -1.0}, "`friction` must be positive"),
        ({"weight_decay": -1e-4}, "`weight_decay` must be non-negative"),
        ({"weight_decay": math.nan}, "`weight_decay` must be finite"),
        ({"fused": True, "foreach": True}, "cannot both be True"),
        ({"fused": True, "differentiable": True}, "no derivative"),
    ],
)
def test_bad_options_are_refused_at_construction_and_in_groups(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SGMP([parameter()], **options)
    if "fused" not in options:
        optimizer = SGMP([parameter()])
        with pytest.raises(ValueError, match=re.escape(message)):
            optimizer.add_param_group({"params": [parameter()], **options})
        assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(("name", "advice"), [("fricton", "'friction'"), ("nesterov", "mass"), ("masss", "'mass'")])
def test_a_misspelt_group_option_suggests_the_right_one(name, advice):
    with pytest.raises(ValueError, match=advice):
        SGMP([{"params": [parameter()], name: 0.5}])


def test_options_of_the_wrong_type_are_refused():
    with pytest.raises(TypeError, match="`mass` must be a number, got 'heavy'"):
        SGMP([parameter()], mass="heavy")
    with pytest.raises(TypeError, match="unexpected keyword"):
        SGMP([parameter()], momentum=0.9)  # a trap for those who swap the optimiser but not its options


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_schedule_that_leaves_its_range_is_named_with_its_step_and_nothing_moves(value):
    param = parameter()
    optimizer = SGMP([param], lr=0.1, mass=lambda n: 1.0 if n < 2 else value)
    optimizer.step()
    optimizer.step()
    position = param.detach().clone()
    with pytest.raises(ValueError, match="at step 2"):
        optimizer.step()
    assert torch.equal(param, position)
    assert optimizer.param_groups[0]["step"] == 2


def test_a_fault_in_one_group_is_found_before_any_other_moves_or_ages():
    first, second = parameter(), parameter()
    optimizer = SGMP([{"params": [first], "mass": 0.5}, {"params": [second], "mass": lambda n: math.nan if n else 1.0}])
    optimizer.step()
    position = first.detach().clone()
    with pytest.raises(ValueError, match="at step 1"):
        optimizer.step()
    assert torch.equal(first, position)
    assert optimizer.param_groups[0]["step"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.1, "momentum": 1.0}, r"`momentum` must be in \[0, 1\), got 1.0"),
        ({"lr": -0.1, "momentum": 0.9}, "`lr` must be non-negative"),
        ({"lr": 0.1, "momentum": 0.9, "mass_decay": 1.5}, r"`ratio` must be in \[0, 1\]"),
        ({"lr": 0.1, "momentum": 0.9, "mass_decay": GeometricDecay(0.5, 0.9)}, r"`mass_decay\(0\)` must be 1"),
        ({"lr": 0.1, "momentum": 0.9, "mass": 1.0}, "`mass` must be left out"),
        (
            {"lr": 0.1, "momentum": 0.9, "params": [{"params": [torch.nn.Parameter(torch.ones(1))], "mass": 1.0}]},
            "groups",
        ),
        ({"lr": 0.1, "momentum": 0.9, "params": []}, "empty parameter list"),
    ],
)
def test_from_sgd_refuses_what_is_not_an_sgd(arguments, message):
    with pytest.raises(ValueError, match=message):
        SGMP.from_sgd(**{"params": [parameter()], **arguments})


def test_from_sgd_gives_late_groups_the_same_momentum_to_lose():
    for mass_decay in (None, 0.5):
        optimizer = SGMP.from_sgd([parameter()], lr=0.1, momentum=0.9, mass_decay=mass_decay)
        optimizer.step()
        optimizer.step()
        optimizer.add_param_group({"params": [parameter()]})
        optimizer.step()
        first, late = optimizer.param_groups
        assert (late["lr"], late["step"]) == (first["lr"], 3)
        assert late["decay"] == first["decay"] == pytest.approx(0.9 if mass_decay is None else 2.25 / 3.25)


def test_options_become_plain_numbers_so_that_checkpoints_load_with_weights_only(tmp_path):
    options = {
        "mass": np.float64(0.9),
        "lr": np.float64(0.1),
        "friction": np.float32(1.5),
        "weight_decay": Fraction(1, 2),
    }
    optimizer = SGMP([parameter()], **options)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    group = torch.load(tmp_path / "state.pt", weights_only=True)["param_groups"][0]
    assert {name: type(group[name]) for name in options} == dict.fromkeys(options, float)


@pytest.mark.parametrize("value", ["0.1", True, None])
def test_words_and_truths_are_no_numbers(value):
    for name in ("lr", "mass", "friction", "weight_decay"):
        with pytest.raises(TypeError, match=f"`{name}` must be a number, got {value!r}"):
            SGMP([parameter()], **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("friction", 0.0), ("friction", -1.0), ("friction", math.nan), ("weight_decay", math.nan), ("momentum", 1.0)],
)
def test_options_set_by_hand_are_checked_before_anything_moves(name, value):
    param = parameter()
    optimizer = SGMP([param], lr=0.1, mass=0.5)
    optimizer.param_groups[0][name] = value
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        optimizer.step()
    assert torch.equal(param, torch.ones(3))


def test_a_schedule_put_in_a_group_by_hand_is_refused_with_advice():
    optimizer = SGMP([parameter()], lr=0.1, mass=0.5)
    optimizer.param_groups[0]["mass"] = GeometricDecay(0.5, ratio=0.9)
    with pytest.raises(TypeError, match="at construction"):
        optimizer.step()


def test_a_group_whose_schedule_fails_is_not_added():
    optimizer = SGMP([parameter()], lr=0.1)
    with pytest.raises(ValueError, match="`mass` must be finite, got nan"):
        optimizer.add_param_group({"params": [parameter()], "mass": lambda n: math.nan})
    assert len(optimizer.param_groups) == 1
    optimizer.step()


@pytest.mark.parametrize("mass_decay", [None, 0.5])
def test_from_sgd_without_momentum_keeps_no_buffers(mass_decay):
    param = parameter()
    optimizer = SGMP.from_sgd([param], lr=0.1, momentum=0.0, mass_decay=mass_decay)
    optimizer.step()
    assert not optimizer.state
    torch.testing.assert_close(param.detach(), torch.full((3,), 0.9))
