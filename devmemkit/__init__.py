"""User mappings of device memory under Linux: what a driver's claim does to them."""

__version__ = "0.1.0"
