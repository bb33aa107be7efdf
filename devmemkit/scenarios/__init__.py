"""Every named story, once, parameterized."""
