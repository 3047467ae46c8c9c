"""Files of other tools, and writing files safely."""
