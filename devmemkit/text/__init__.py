"""Text to data and back: /proc/iomem, sysfs resource, lspci; repairs of pasted text."""
