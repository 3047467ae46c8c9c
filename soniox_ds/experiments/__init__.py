"""Experiments: the same recordings transcribed under several options."""
