"""Language labels against a reference."""
