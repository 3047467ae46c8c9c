"""The microphone: it records in the browser, and transcribes live."""
