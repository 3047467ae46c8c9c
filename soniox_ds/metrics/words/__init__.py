"""Word and character errors."""
