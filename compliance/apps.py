import gc

from django.apps import AppConfig

# How many objects are created before Python looks for unused cycles among them. Imports and sweeps
# create hundreds of thousands that stay in use: by the default of 700, half of the time of an
# import is spent on looking.
_OBJECTS_PER_COLLECTION = 20_000


class ComplianceConfig(AppConfig):
    """The one app of Pacta."""

    name = "compliance"
    verbose_name = "Pacta"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make `__folded` searches available for all texts, and create roles on migration."""
        # Models, and what belongs to them, can be imported only now.
        from django.contrib.postgres.fields import ArrayField
        from django.db.models import CharField, TextField
        from django.db.models.signals import post_migrate

        from compliance.models.reader_role import ensure_reader_role
        from compliance.models.searching import Folded, FoldedList
        from compliance.operations.people.roles import store_roles
        from compliance.web import audit_log, session_limits

        _, *older = gc.get_threshold()
        gc.set_threshold(_OBJECTS_PER_COLLECTION, *older)
        audit_log.connect()
        session_limits.connect()
        CharField.register_lookup(Folded)
        TextField.register_lookup(Folded)
        ArrayField.register_lookup(FoldedList)
        post_migrate.connect(lambda **_: ensure_reader_role(), sender=self, weak=False)
        # After Django has created the permissions of new models, which it does at the same signal.
        post_migrate.connect(lambda **_: store_roles(), sender=self, weak=False)
