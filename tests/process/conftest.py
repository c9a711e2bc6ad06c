"""Double precision for the tests that measure errors."""

import jax
import pytest


@pytest.fixture
def x64():
    """Run the test in double precision, and leave the setting as it was."""
    with jax.enable_x64(True):
        yield
