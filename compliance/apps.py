from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """The one app of Pacta."""

    name = "compliance"
    verbose_name = "Compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make `__folded` searches available for all texts."""
        # Models, and what belongs to them, can be imported only now.
        from django.db.models import CharField, TextField

        from compliance.models.searching import Folded

        CharField.register_lookup(Folded)
        TextField.register_lookup(Folded)
