"""A kernel under QEMU with an agent inside that carries out the acts of a story."""
