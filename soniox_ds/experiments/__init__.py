"""The same recordings under several options."""
