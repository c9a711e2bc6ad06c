"""Stability limits against what the optax transformations themselves do on a parabola."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from underdamped.studies.descent.contenders import CONTENDERS, Context, Setting
from underdamped.studies.descent.stability import stability_limits

CURVATURE, STEPS = 3.0, 3000
BY_NAME = {contender.name: contender for contender in CONTENDERS}


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "AdamW"])
def test_the_limit_is_met_from_both_sides(name):
    context = Context(1 / CURVATURE, STEPS)
    own = BY_NAME[name].by_rule(context).own
    limits = stability_limits(name, Setting(1.0, 0.0, own), CURVATURE, STEPS)
    assert limits is not None
    # Where it changes along the run the last one decides: below it only a beginning is unstable, above it the end is.
    factors = np.array([0.98, 1.02] if np.ptp(limits) == 0 else [0.9, 1.1])

    @jax.jit
    @jax.vmap
    def end(step):
        solver = BY_NAME[name].build(Setting(step, 0.0, own), context)

        def advance(_, run):
            q, state = run
            updates, state = solver.update(CURVATURE * q, state, q)
            return optax.apply_updates(q, updates), state

        q = jnp.array(1.0)
        half = jax.lax.fori_loop(0, STEPS // 2, advance, (q, solver.init(q)))
        return jnp.abs(half[0]), jnp.abs(jax.lax.fori_loop(STEPS // 2, STEPS, advance, half)[0])

    with jax.enable_x64(True):
        half, last = map(np.asarray, end(jnp.asarray(limits[-1] * factors)))
    assert last[0] < half[0] or last[0] < 1e-100
    assert last[1] > 1e6 * half[1] or not np.isfinite(last[1])


def test_a_step_of_rule_38_is_within_all_limits():
    for name, contender in BY_NAME.items():
        limits = stability_limits(name, contender.by_rule(Context(1 / CURVATURE, 50)), CURVATURE, 50)
        assert (limits is None) is (name == "AdamW")
        assert limits is None or (limits > 1 / CURVATURE).all()
