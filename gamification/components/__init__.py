"""The values that templates of page components show, made from the facades."""
