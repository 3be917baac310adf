"""What the pieces of a page show: values for templates, made from the facades."""
