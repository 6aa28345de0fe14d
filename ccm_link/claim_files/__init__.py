"""Files of claims for whoever takes them to a payer: contents, what is missing in them, how each kind is written."""
