"""What pairs the paths of Theorem 5."""

import jax
import numpy as np
import pytest

from underdamped.process import UniformSwitching, simulate, switch_times
from underdamped.studies.theorems.problems import quadratic


@pytest.mark.parametrize("nu", [0.1, 0.01])
def test_all_time_scales_share_their_index_path(x64, nu):
    """i(t/nu): the same ticks, faster, and the same components between them."""
    key, problem = jax.random.key(3), quadratic()
    slow, fast = UniformSwitching(3, 1.0), UniformSwitching(3, 1 / nu)
    ticks = switch_times(slow, until=20.0, key=key, path_number=5)
    np.testing.assert_allclose(switch_times(fast, until=20.0 * nu, key=key, path_number=5), nu * ticks, rtol=1e-12)
    between = (ticks[1:] + ticks[:-1]) / 2
    shown = [
        simulate(
            problem.target, index, mass=1.0, position=problem.start, times=times, key=key, flow=problem.flow,
            path_number=5,
        ).index
        for index, times in ((slow, between), (fast, nu * between))
    ]  # fmt: skip
    np.testing.assert_array_equal(*shown)
