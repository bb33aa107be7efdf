"""kernel/resource.c: the tree, regions, claims, revocation, and the strict checks."""
