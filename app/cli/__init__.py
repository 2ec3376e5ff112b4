"""The `polaris` command: one module for each family of subcommands."""
