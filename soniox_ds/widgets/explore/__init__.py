"""The speech data explorer: recordings in a table that can be searched, with their sound, words and errors."""
