"""drivers/pci: devices and their BARs, drivers, and the files that map BARs."""
