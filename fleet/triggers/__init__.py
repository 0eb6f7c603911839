"""When a schedule is due, and what a webhook was sent: no rows, no requests."""
