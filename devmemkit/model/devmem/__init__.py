"""drivers/char/mem.c: /dev/mem and /dev/port."""
