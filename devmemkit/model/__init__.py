"""What the kernel does, as data and named atomic steps; standard library only, no I/O."""
