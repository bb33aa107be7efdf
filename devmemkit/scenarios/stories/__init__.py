"""Stories: several actors act in one fixed order; the model and real kernels play it alike."""
