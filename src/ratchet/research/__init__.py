"""Research: runs held against each other."""
