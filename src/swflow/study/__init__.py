"""A study: what its config says (study), which jobs that makes (plan), of which code (roots)."""
