"""How fast it is on this machine. Figures are for comparing runs on one machine, and ratios for comparing machines."""
