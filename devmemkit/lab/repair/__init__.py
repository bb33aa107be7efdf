"""Real kernels with a repaired order of mmap: a module of ours, built for them and raced."""
