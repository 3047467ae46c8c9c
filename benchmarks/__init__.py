"""Benchmarks. Each figure is a ratio within one run, or a bound that does not depend on the speed of the machine."""
