"""The health of the service: jobs, audits and outages."""
