"""The schema's history, one version a file."""
