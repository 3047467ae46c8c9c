"""Context terms: whether they were recognised."""
