"""The gateway authority: its key, and the one process that has it."""
