"""Stories, which play acts in order, and races, whose every order is searched."""
