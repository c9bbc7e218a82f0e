"""The particle flow: its schedule, its drift, its integrator, and what it is held against."""
