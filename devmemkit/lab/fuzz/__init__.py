"""Random operation sequences, played in a guest and in the model, and what differs made small."""
