"""When a flow is stored, which steps lead there, and how long they may be. Pure arithmetic."""
