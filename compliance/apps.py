from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """The one app of Pacta."""

    name = "compliance"
    verbose_name = "Compliance"
    default_auto_field = "django.db.models.BigAutoField"
