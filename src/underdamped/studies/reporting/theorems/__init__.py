"""Sections of the limits report, one file a theorem: ``section(records, config)`` from its rows alone."""
