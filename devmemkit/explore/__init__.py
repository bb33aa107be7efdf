"""Every interleaving of several tasks' operations: searched, and what is wrong shown."""
