"""Every read that is more than a filter. Each gives plain rows, named as the API names them."""
