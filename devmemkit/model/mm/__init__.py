"""mm/: address spaces, page tables, cache types, and the system calls on mappings."""
