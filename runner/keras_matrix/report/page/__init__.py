"""A report as one HTML file: what runs came to, drawn and told, for a browser without a network."""
