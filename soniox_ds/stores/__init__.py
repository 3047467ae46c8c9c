"""Object stores and other file systems, and paths in them."""
