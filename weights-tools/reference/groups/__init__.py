"""The groups of a reference set, one module each."""
