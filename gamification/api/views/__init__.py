"""The operations of the API, in folders named like their addresses."""
