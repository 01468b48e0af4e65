"""Changes of the address of an account, which its owner requests and confirms."""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.db import IntegrityError, transaction

from compliance.delivery import account_mails
from compliance.domain.email_addresses import email_address
from compliance.domain.problems import refusal
from compliance.models import User

LIFETIME = timedelta(days=1)
_SALT = "pacta.address"
_EXPIRED = "This link is incomplete or has expired. Request another one."


def request_change(*, user: User, new_address: str) -> None:
    """Mail a link to the new address of an account, and notify the current one.

    If the address already has an account, its owner gets an email instead, so that the response
    reveals nothing.

    Raises:
        Invalid: the address is not valid or not new (at `email`), or an email cannot be sent.
    """
    try:
        address = email_address(new_address)
    except ValueError as error:
        raise refusal("email", str(error)) from None
    if address.casefold() == user.email.casefold():
        raise refusal("email", "This is already the address of your account.")
    if User.objects.filter(email__iexact=address).exists():
        account_mails.send_address_taken(to=address)
    else:
        token = signing.dumps([user.pk, user.session_epoch, address], salt=_SALT)
        account_mails.send_address_link(to=address, path=f"/account/email/confirm/{token}/")
    account_mails.send_address_request(to=user.email, new_address=address)


def read_link(token: str) -> tuple[User, str]:
    """Return the user of a link, and the new address.

    Raises:
        Invalid: the link is not valid. It also expires with the password and with the account.
    """
    try:
        pk, epoch, address = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError):
        raise refusal("", _EXPIRED) from None
    user = User.objects.filter(pk=pk, session_epoch=epoch, is_active=True).first()
    if user is None:
        raise refusal("", _EXPIRED)
    return user, str(address)


def change(*, token: str) -> User:
    """Give an account the address in a link, and notify both addresses.

    The sessions, API tokens and calendar feeds of the user end.

    Raises:
        Invalid: the link is not valid, or the address belongs to an account by now.
    """
    user, address = read_link(token)
    old_address = user.email
    user.email = address
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError:
        raise refusal("", _EXPIRED) from None
    for to in (old_address, address):
        account_mails.send_address_change(to=to, new_address=address, changed_by=old_address)
    return user
