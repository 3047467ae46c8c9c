"""Object stores and other file systems: what they hold, and paths in them."""
