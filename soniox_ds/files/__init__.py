"""Files: replaced as a whole, decoded as text, decoded as audio."""
