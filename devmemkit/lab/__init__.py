"""Real kernels: get them, boot them, play stories in them, compare with the model."""
