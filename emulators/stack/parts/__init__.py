"""The parts of the stack that need more than a command line, each replacing a cloud service."""
