"""Why an access to device memory ends as it does: a described machine, run through the model."""
