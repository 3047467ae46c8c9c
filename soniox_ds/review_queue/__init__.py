"""Words to listen to again, and what reviewers decided."""
