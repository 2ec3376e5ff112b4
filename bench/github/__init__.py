"""What imports from GitHub and exports to it take, beside git itself."""
