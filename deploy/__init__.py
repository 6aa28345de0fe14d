"""The composition root: the server's commands, the embedded stack, and the two commands of the README."""
