"""Regression with continuous data: the problem, its index processes, the scheme, exact moments, readings."""
