"""Real kernels: found in Debian's suites, fetched through apt, cached, or passed by hand."""
