"""The user model of a site that keys its users by UUID."""
