"""The two problems, and double precision, which they are made for."""

import jax
import pytest

from underdamped.studies.theorems.problems import logistic, quadratic


@pytest.fixture
def x64():
    """Run the test in double precision, and leave the setting as it was."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=[quadratic, logistic])
def problem(x64, request):
    return request.param()
