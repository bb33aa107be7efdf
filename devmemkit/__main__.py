"""`python -m devmemkit`: the command line without its script."""

from devmemkit.cli import main

raise SystemExit(main())
