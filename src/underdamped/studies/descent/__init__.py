"""Convex problems: random quadratics and real regressions, the methods that run on them, and what theory expects."""
