"""drivers/base, drivers/nvdimm, fs/pstore: drivers that come, claim and go."""
