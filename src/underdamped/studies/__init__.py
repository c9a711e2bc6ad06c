"""The studies: one module an experiment, and what they share (data, records, plots, report)."""
