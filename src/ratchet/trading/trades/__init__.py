"""One trade from its entry to its accounted end."""
