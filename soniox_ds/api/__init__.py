"""The Soniox API on the wire."""
