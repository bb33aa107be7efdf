"""Why an access to device memory ends as it does, from playing it on a described machine."""
