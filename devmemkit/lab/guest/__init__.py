"""A kernel under QEMU, with an agent inside that makes the calls of a story."""
