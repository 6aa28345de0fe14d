"""``homevitals-gateway doctor``: everything that has to be right on the machine in the home, looked at by name."""
