"""What an operator may ask of the spot companion and have it do: its menu, and how each of its commands is answered."""
