"""Words, segments and texts: made from tokens, compared in one spelling."""
