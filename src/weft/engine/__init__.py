"""The shell around the rules: one path in for every fact, its consequences, and its delivery."""
