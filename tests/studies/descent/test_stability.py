"""Stability limits against the eigenvalues of the optax transformations themselves on a parabola."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from underdamped.studies.descent.contenders import CONTENDERS, Context, Setting
from underdamped.studies.descent.stability import stability_limits

CURVATURE, STEPS = 3.0, 50
BY_NAME = {contender.name: contender for contender in CONTENDERS}


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "AdamW"])
def test_the_limit_of_each_step_is_an_eigenvalue_of_that_step(name):
    context = Context(1 / CURVATURE, STEPS)
    own = BY_NAME[name].by_rule(context).own
    limits = stability_limits(name, Setting(1.0, 0.0, own), CURVATURE, STEPS)
    assert limits is not None

    @jax.jit
    def derivative(step, n):
        """Of update n, counted from 0, in the position and all floating numbers of the state."""
        solver = BY_NAME[name].build(Setting(step, 0.0, own), context)

        def advance(_, run):
            q, state = run
            updates, state = solver.update(CURVATURE * q, state, q)
            return optax.apply_updates(q, updates), state

        start = jnp.array(1.0)
        leaves, structure = jax.tree.flatten(jax.lax.fori_loop(0, n, advance, (start, solver.init(start))))
        moving = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves]
        flat, restore = ravel_pytree([leaf for leaf, moves in zip(leaves, moving, strict=True) if moves])

        def once(flat):
            given = iter(restore(flat))
            run = [next(given) if moves else leaf for leaf, moves in zip(leaves, moving, strict=True)]
            after = jax.tree.leaves(advance(None, jax.tree.unflatten(structure, run)))
            return ravel_pytree([leaf for leaf, moves in zip(after, moving, strict=True) if moves])[0]

        return jax.jacobian(once)(flat)

    with jax.enable_x64(True):
        for n in (0, 1, 2, 10, 40):
            eigenvalues = np.linalg.eigvals(np.asarray(derivative(jnp.asarray(limits[n]), n)))
            assert np.abs(eigenvalues + 1).min() < 1e-8, f"step {n}: {eigenvalues}"


def test_a_step_of_rule_38_is_within_all_limits():
    for name, contender in BY_NAME.items():
        limits = stability_limits(name, contender.by_rule(Context(1 / CURVATURE, 50)), CURVATURE, 50)
        assert (limits is None) is (name == "AdamW")
        assert limits is None or (limits > 1 / CURVATURE).all()


def test_an_unknown_method_has_no_limit():
    with pytest.raises(ValueError, match="`method` must be the name of a contender, got 'Nestorov': did you mean"):
        stability_limits("Nestorov", Setting(1.0, 0.0, 0.9), CURVATURE, 3)
