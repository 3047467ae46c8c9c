"""Confidence against correctness."""
