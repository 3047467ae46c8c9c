"""One page that says what a corpus holds and how far it can be trusted."""
