"""A dump of /proc/iomem as people paste it: quoted, indented anew, wrapped, cut."""
