"""Images: their list, their pages, the API, and real engines."""
