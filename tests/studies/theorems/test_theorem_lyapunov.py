"""What is recorded of Lyapunov functions would show a violation; minimisers of single components."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped.studies.reporting.theorems.verdicts import judgements
from underdamped.studies.theorems.lyapunov import HORIZON, SAVED, _compared, single_components
from underdamped.studies.theorems.rows import frame

TIMES = np.linspace(0, HORIZON, SAVED)


@pytest.mark.parametrize(("slowest", "agrees"), [(1.1, True), (1.0, True), (0.9, False)])
def test_one_trajectory_that_falls_too_slowly_is_seen(slowest, agrees):
    values = np.exp(-np.array([3.0] * 28 + [2.0, slowest])[:, None] * TIMES)
    rows = _compared("case", values, rate=1.0)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in rows))
    assert found.value == pytest.approx(slowest)
    assert found.agrees is agrees


def test_a_trajectory_that_breaks_down_is_seen():
    values = np.exp(-2.0 * np.ones((30, 1)) * TIMES)
    values[7, 50:] = np.nan
    (found,) = judgements(
        frame({"experiment": "e", "problem": "p"} | one for one in _compared("case", values, rate=1.0))
    )
    assert found.verdict == "does not agree: what was measured is not finite"


def test_what_rounding_has_taken_over_is_not_looked_at():
    """Beyond 1e-10 of the start the values are noise, here even negative."""
    values = np.exp(-5.0 * TIMES)[None] - 1e-14
    rows = _compared("case", values, rate=1.0)
    assert next(one for one in rows if one["quantity"] == "measured")["value"] == pytest.approx(5.0, rel=1e-3)
    assert max(one["x"] for one in rows if one["quantity"] == "worst ratio") < np.log(1e10) / 5 + 0.1


def test_minimisers_of_components(problem):
    for target, minimizer in single_components(problem, jax.random.key(0)):
        assert float(jnp.abs(target.gradient(minimizer)).max()) < 1e-11
