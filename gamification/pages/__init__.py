"""Ready pages for users, and the addresses of their pieces."""
