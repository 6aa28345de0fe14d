"""The server's commands, one module each: ``arguments(parser)`` declares, ``run(options)`` does."""
