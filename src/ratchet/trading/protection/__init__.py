"""What holds the invariant: one stop over exactly what is held, and how orders go out."""
