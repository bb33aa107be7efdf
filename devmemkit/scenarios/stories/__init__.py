"""Stories: operations of several actors in one order, the same for model and kernels."""
