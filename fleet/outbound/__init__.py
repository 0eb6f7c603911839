"""Where Quayside may connect to besides engines, and the one HTTP client that keeps to it."""
