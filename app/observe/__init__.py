"""What is said of a process: logs, bug reports, traces."""
