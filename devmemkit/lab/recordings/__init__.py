"""Recordings of what real kernels did, kept in data/ and judged without QEMU."""
