"""The REST API: parse the request, call one operation or query, render the result."""
