"""Random operation sequences, played by a guest and by the model; a difference is shrunk."""
