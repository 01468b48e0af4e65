"""Alerts: subscriptions, silences, webhooks and calendar feeds."""
