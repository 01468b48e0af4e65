"""Settings, start-up and the Celery application."""
