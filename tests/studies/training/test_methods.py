"""Methods are those of Table 1, and their texts give them back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from underdamped.studies.training.methods import (
    DMSGMP,
    FAIR,
    HSGMP,
    SGD,
    TABLE_1,
    Momentum,
    coefficients,
    parse_methods,
    spec,
)

# Table 1's rows as printed, and the two columns that follow from them: momentum factor m/(m+αh), effective lr h/α.
PRINTED = [
    ("SGD η=0.01", 0, 0.01),
    ("momentum η=0.01 ρ=0.9", 0.9, 0.1),
    ("hSGMP α=1 m=0.1 h=1", 0.1 / 1.1, 1),
    ("hSGMP α=10 m=0.1 h=1", 0.1 / 10.1, 0.1),
    ("hSGMP α=15 m=0.1 h=1", 0.1 / 15.1, 1 / 15),
    ("hSGMP α=10 m=10 h=1", 0.5, 0.1),
    ("hSGMP α=10 m=1e-05 h=1", 1e-5 / 10.00001, 0.1),
    ("hSGMP α=10 m=0.1 h=2", 0.1 / 20.1, 0.2),
    ("hSGMP α=10 m=0.1 h=0.1", 0.1 / 1.1, 0.01),
    ("dmSGMP α=10 m=0.1·0.995ᵏ h=1", 0.1 / 10.1, 0.1),
]


def parameter():
    return torch.nn.Parameter(torch.ones(3))


@pytest.mark.parametrize(("method", "printed"), list(zip(TABLE_1, PRINTED, strict=True)))
def test_table_1(method, printed):
    name, decay, effective_lr = printed
    assert method.name == name
    values = coefficients(method.optimizer([parameter()]))
    assert values["decay"] == pytest.approx(decay, rel=1e-12)
    assert values["effective_lr"] == pytest.approx(effective_lr, rel=1e-12)


def test_the_defaults_and_the_fair_addition_have_one_effective_learning_rate():
    for method in (SGD(), Momentum(), HSGMP(), DMSGMP(), *FAIR):
        assert coefficients(method.optimizer([parameter()]))["effective_lr"] == pytest.approx(0.1, rel=1e-12)


def test_decreasing_mass_starts_as_classical_momentum_and_loses_it():
    start = coefficients(DMSGMP().optimizer([parameter()]))
    assert start["decay"] == pytest.approx(coefficients(Momentum().optimizer([parameter()]))["decay"])
    weight = parameter()
    optimizer = DMSGMP(ratio=0.5).optimizer([weight])
    for _ in range(60):
        weight.grad = torch.ones(3)
        optimizer.step()
    assert coefficients(optimizer)["mass"] == pytest.approx(0.9 * 0.5**60, rel=1e-9)


@given(lr=st.floats(1e-3, 1), momentum=st.floats(0.0, 0.95), steps=st.integers(1, 20))
def test_coefficients_of_momentum_are_those_of_the_same_steps_as_sgmp(lr, momentum, steps):
    """An independent check of the mass column: SGMP with the reported step and mass walks SGD's path."""
    classical, scheme = torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    sgd = Momentum(lr=lr, momentum=momentum).optimizer([classical])
    values = coefficients(sgd)
    sgmp = HSGMP(lr=values["effective_lr"], mass=values["mass"]).optimizer([scheme])
    curvature = torch.tensor([0.1, 0.5], dtype=torch.float64) / values["effective_lr"]
    for _ in range(steps):
        for point, optimizer in ((classical, sgd), (scheme, sgmp)):
            point.grad = curvature * point
            optimizer.step()
    torch.testing.assert_close(scheme, classical, rtol=1e-9, atol=1e-12)


small = st.floats(1e-6, 1e6)
methods = st.one_of(
    st.builds(SGD, lr=small),
    st.builds(Momentum, lr=small, momentum=st.floats(0, 0.999)),
    st.builds(HSGMP, lr=small, mass=small, friction=small),
    st.builds(DMSGMP, lr=small, mass=small, friction=small, ratio=st.floats(0, 1)),
)


@given(methods)
def test_the_text_of_a_method_gives_it_back(method):
    assert parse_methods([spec(method)]) == (method,)


def test_groups_and_repetitions():
    assert parse_methods(["table1", "fair"]) == (*TABLE_1, *FAIR)
    assert parse_methods(["SGD", "SGD:lr=0.1", "momentum"]) == (SGD(), Momentum())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("hSGPM", "unknown method 'hSGPM': did you mean 'hSGMP'[?]"),
        ("hSGMP:fricton=1", "unknown parameter 'fricton' of hSGMP: did you mean 'friction'[?]"),
        ("hSGMP:mass=big", "`mass` must be a number, got 'big'"),
        ("hSGMP:mass=-1", "`mass` must be non-negative, got -1.0"),
        ("hSGMP:friction=0", "`friction` must be positive, got 0.0"),
        ("hSGMP:lr=nan", "`lr` must be finite, got nan"),
        ("SGD:lr=0", "`lr` must be positive, got 0.0"),
        ("momentum:momentum=1", r"`momentum` must be in \[0, 1\), got 1.0"),
        ("dmSGMP:ratio=1.5", r"`ratio` must be in \[0, 1\], got 1.5"),
        ("table1:lr=1", "unknown method 'table1:lr=1'"),
    ],
)
def test_bad_methods_are_refused(text, match):
    with pytest.raises(ValueError, match=match):
        parse_methods([text])


def test_no_method_is_refused():
    with pytest.raises(ValueError, match="`methods` must be at least one"):
        parse_methods([])
