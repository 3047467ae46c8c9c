"""Intervals, tests and sample sizes."""
