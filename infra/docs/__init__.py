"""Makes the parts of the documentation that the code already knows. Committed; a test says when one is out of date."""
