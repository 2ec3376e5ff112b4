"""What executes runs: dispatching, living processes, time, and sweeping."""
