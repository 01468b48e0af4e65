"""What the product must do fast, each beside its floor, in one run."""
