"""Estimated curvatures against dense eigenvalues: inside the spectrum, with residuals that tell the truth."""

import importlib
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from underdamped.theory import (
    HessianProduct,
    extreme_eigenvalues,
    hessian_from_jax,
    hessian_from_torch,
    power_iteration,
)


def symmetric(spectrum, seed=0):
    spectrum = np.asarray(spectrum)
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(spectrum.size, spectrum.size)))
    matrix = (orthogonal * spectrum) @ orthogonal.T
    return (matrix + matrix.T) / 2


def product_of(matrix):
    return HessianProduct(lambda v: matrix @ v, len(matrix))


SPECTRA = {
    "convex": np.linspace(0.05, 15, 120),
    "convex, small": np.linspace(0.05, 15, 7),
    "one dimension": np.array([3.0]),
    "negative": -np.linspace(0.1, 5, 120),
    "saddle": np.concatenate([[-2.0], np.linspace(-0.1, 0.1, 100), [9.0]]),
    "mirror": np.concatenate([[-2.0], np.linspace(-1, 1, 100), [2.0]]),
    "singular": np.concatenate([np.zeros(100), np.linspace(0.1, 15, 20)]),
    "identity": np.full(100, 2.0),
    "zero": np.zeros(100),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_both_ends_are_found(name):
    matrix = symmetric(SPECTRA[name])
    exact = np.linalg.eigvalsh(matrix)
    scale = np.abs(exact).max()
    ends = extreme_eigenvalues(product_of(matrix), tolerance=1e-4)
    assert ends.smallest.value == pytest.approx(exact[0], abs=1e-4 * scale + 1e-12)
    assert ends.largest.value == pytest.approx(exact[-1], abs=1e-4 * scale + 1e-12)
    assert ends.smallest.value >= exact[0] - 1e-12
    assert ends.largest.value <= exact[-1] + 1e-12
    assert pytest.approx(scale, rel=0.02) == ends.L  # with its residual, whose square is the error


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_an_eigenvalue_lies_within_the_residual(seed, products):
    rng = np.random.default_rng(seed)
    matrix = symmetric(rng.normal(size=rng.integers(1, 30)), seed)
    exact = np.linalg.eigvalsh(matrix)
    estimate = power_iteration(product_of(matrix), tolerance=1e-12, max_products=products, seed=seed)
    low, high = estimate.interval
    assert np.any((exact >= low - 1e-12) & (exact <= high + 1e-12))
    assert exact[0] - 1e-12 <= estimate.value <= exact[-1] + 1e-12


def test_power_iteration_finds_the_largest_magnitude_and_stops_there():
    spent = []
    matrix = symmetric([-8.0, 1.0, 2.0, 4.0])
    estimate = power_iteration(HessianProduct(lambda v: spent.append(1) or matrix @ v, 4), tolerance=1e-8)
    assert estimate.value == pytest.approx(-8, rel=1e-12)  # the error is the square of the residual
    assert estimate.residual <= 8e-8
    assert len(spent) < 60


@pytest.mark.parametrize("exponent", [-900, -600, 600, 900])
def test_residuals_scale_with_the_hessian(exponent):
    # By powers of 2 every operation is exact, so nothing may change but the scale; squares would leave the floats.
    scale, matrix = 2.0**exponent, symmetric([-8.0, 1.0, 2.0, 4.0])
    plain, scaled = product_of(matrix), product_of(scale * matrix)
    for products in (1, 5):
        once = power_iteration(plain, max_products=products)
        again = power_iteration(scaled, max_products=products)
        assert once.residual > 0
        assert (again.value / scale, again.residual / scale) == pytest.approx((once.value, once.residual), rel=1e-12)
    ends = extreme_eigenvalues(scaled)
    assert (ends.smallest.value / scale, ends.largest.value / scale) == pytest.approx((-8.0, 4.0), rel=1e-12)
    assert max(ends.smallest.residual, ends.largest.residual) <= 1e-13 * scale


def test_power_iteration_between_two_opposite_ends_says_that_it_knows_nothing():
    estimate = power_iteration(product_of(np.diag([-2.0, 1.0, 2.0])), max_products=500)
    assert estimate.residual > 0.1


def test_lanczos_that_has_not_settled_is_an_error():
    matrix = product_of(np.diag(np.linspace(0, 1, 4000) ** 0.25))
    with pytest.raises(RuntimeError, match=re.escape("`max_restarts` must be larger, got 1")):
        extreme_eigenvalues(matrix, tolerance=1e-12, max_restarts=1)


def test_the_hessian_of_a_torch_model_is_that_of_its_loss():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    inputs, labels = torch.tensor(rng.normal(size=(2, 5, 3))), torch.tensor(rng.normal(size=(2, 5, 1)))
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1)).double()
    frozen = torch.nn.Parameter(torch.zeros(4), requires_grad=False)
    unused = torch.nn.Parameter(torch.zeros(2).double())
    parameters = [*model.parameters(), unused]

    def loss(batch):
        return torch.nn.functional.mse_loss(model(batch[0]), batch[1])

    H = hessian_from_torch(loss, [frozen, *parameters], batches=list(zip(inputs, labels, strict=True)))
    assert H.dimension == 13
    matrix = np.stack([H.product(unit) for unit in np.eye(13)])

    def as_function(flat):
        pieces = flat.split([p.numel() for p in model.parameters()])
        named = {name: x.view_as(p) for (name, p), x in zip(model.named_parameters(), pieces, strict=True)}
        outputs = torch.func.functional_call(model, named, (inputs.reshape(10, 3),))
        return torch.nn.functional.mse_loss(outputs, labels.reshape(10, 1))

    here = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    expected = np.zeros((13, 13))
    expected[:11, :11] = torch.func.hessian(as_function)(here).numpy()
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    ends = extreme_eigenvalues(H)
    assert ends.largest.value == pytest.approx(np.linalg.eigvalsh(expected)[-1], rel=1e-9)
    assert all(parameter.grad is None for parameter in parameters)


def test_the_hessian_in_torch_leaves_single_precision_and_linear_losses_alone():
    torch = pytest.importorskip("torch")
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    assert hessian_from_torch(lambda: weight.pow(3).sum(), [weight]).product(np.array([1.0, 1.0])).tolist() == [6, 12]
    assert hessian_from_torch(lambda: weight.sum(), [weight]).product(np.array([1.0, 1.0])).tolist() == [0, 0]


def test_the_hessian_of_a_jax_function_is_that_of_jax():
    jax = pytest.importorskip("jax")
    position = {"w": jax.numpy.array([[0.3, -0.7], [0.1, 0.9]]), "b": jax.numpy.array(0.2)}

    def loss(q):
        return jax.numpy.logaddexp(0, q["w"] @ jax.numpy.array([1.0, 2.0]) + q["b"]).sum() + (q["w"] ** 2).sum()

    flat, unflatten = importlib.import_module("jax.flatten_util").ravel_pytree(position)
    expected = np.asarray(jax.hessian(lambda x: loss(unflatten(x)))(flat))
    H = hessian_from_jax(loss, position)
    np.testing.assert_allclose(np.stack([H.product(unit) for unit in np.eye(5)]), expected, atol=1e-5)
    assert extreme_eigenvalues(H).smallest.value == pytest.approx(np.linalg.eigvalsh(expected)[0], abs=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: power_iteration(product_of(np.eye(2)), tolerance=0),
            ValueError,
            "`tolerance` must be positive, got 0",
        ),
        (
            lambda: extreme_eigenvalues(HessianProduct(lambda v: v * np.nan, 3)),
            ValueError,
            "`product` must be finite, got 'nan or inf'",
        ),
        (
            lambda: extreme_eigenvalues(HessianProduct(lambda v: v[:2], 3)),
            ValueError,
            "`product` must be a function onto vectors of shape (3,), got (2,)",
        ),
        (lambda: hessian_from_torch(lambda: 0, []), ValueError, "`parameters` must be tensors that require gradients"),
    ],
)
def test_out_of_range_is_named(call, error, message):
    pytest.importorskip("torch")
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_batches_that_can_be_read_only_once_are_refused():
    torch = pytest.importorskip("torch")
    weight = torch.ones(1, requires_grad=True)
    with pytest.raises(TypeError, match="`batches` must be a list"):
        hessian_from_torch(lambda batch: weight.sum(), [weight], batches=iter([1.0]))


def test_importing_the_theory_imports_no_array_library():
    code = "import sys, underdamped.theory as t; t.check_assumptions(0.5, 2.0); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy", "torch", "jax"} & set(modules)


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=re.escape("needs numpy: pip install 'underdamped[studies]'")):
        power_iteration(HessianProduct(lambda v: v, 2))
