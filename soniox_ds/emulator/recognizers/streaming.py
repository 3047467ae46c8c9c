class WhisperStream: pass
