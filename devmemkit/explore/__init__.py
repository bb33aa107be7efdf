"""Search all interleavings of several tasks' operations, and report counterexamples."""
