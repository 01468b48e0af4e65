"""Shared code of all API views: read parameters and bodies, and return rows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

import pghistory
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from compliance.api.parsers import allow_chunked_body
from compliance.api.proposed import proposed
from compliance.api.renderers import EXPORTS, ORJSONRenderer
from compliance.domain.drafts import Draft, ReasonDraft, read
from compliance.domain.json_text import parse_json
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, ApiToken, Deadline, User
from compliance.models.people.readers import NOBODY, Reader, become, reader_of
from compliance.models.visibility import visible_to
from compliance.operations.agreements import proposals
from compliance.operations.deadlines.approvals import ApprovalNeeded
from compliance.queries.filters import Filter
from compliance.queries.rows import Row

FilterT = TypeVar("FilterT", bound=Filter)
DraftT = TypeVar("DraftT", bound=Draft)
ModelT = TypeVar("ModelT", bound=Model)


class Views(ViewSet):
    """Base class of the views of one resource."""

    permission_models: ClassVar[tuple[type[Model], ...]]
    """The models for which a user needs permissions. It has no default, so none is forgotten."""

    is_secret: ClassVar[bool] = False
    """Whether no client should store the responses: they are about people or secrets."""

    stores_nothing: ClassVar[bool] = False
    """Whether a POST stores nothing, so that read permission suffices."""

    post_verb: ClassVar[str] = "add"
    """The permission that a POST needs, unless it stores nothing."""

    exported: ClassVar[frozenset[str]] = frozenset({"list"})
    """The actions whose rows can be exported in formats other than JSON."""

    reader: Reader = NOBODY
    """On whose behalf the request reads, once it is authenticated."""

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderers, with those of exports where the rows can be exported."""
        found = list(super().get_renderers())
        return [*found, *(each() for each in EXPORTS)] if self.action in self.exported else found

    def perform_authentication(self, request: Request) -> None:
        """Authenticate, and read as the user from then on."""
        super().perform_authentication(request)
        self.reader = reader_of_request(request)
        become(self.reader)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check permissions, then make the body readable."""
        super().initial(request, *args, **kwargs)
        if self.action is not None:  # otherwise the method is not supported here
            allow_chunked_body(request._request)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Say how the response may be cached. Without this, it may not be."""
        response = super().finalize_response(request, response, *args, **kwargs)
        is_read = request.method in {"GET", "HEAD"} and response.status_code == HTTPStatus.OK
        # A program may keep what it reads, and ask whether it has changed. A browser with a session
        # stores nothing that the next user of the machine could find.
        if is_read and not self.is_secret and isinstance(request.auth, ApiToken):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Return the response to an exception. A change that needs approval becomes a proposal."""
        if isinstance(exc, ApprovalNeeded):
            try:
                by, as_of = user_of(self.request), timezone.now()
                proposal = proposals.propose(exc, by=by, as_of=as_of)
                return proposed(self.request, proposal, reader=self.reader)
            except Invalid as error:
                exc = error
        return super().handle_exception(exc)


def reader_of_request(request: Request) -> Reader:
    """Return on whose behalf an API request reads: its user, within the limits of its token."""
    reader, token = reader_of(request.user), request.auth
    if isinstance(token, ApiToken) and token.is_restricted:
        return reader.limited_to(teams=token.visible_teams, agreements=token.visible_agreements)
    return reader


def read_filter(request: Request, kind: type[FilterT]) -> FilterT:
    """Return the query parameters as a filter.

    Raises:
        Invalid: names each parameter that is unknown, repeated or invalid.
    """
    parameters: dict[str, str | list[str]] = {}
    for name, values in request.query_params.lists():
        is_repeated = kind.is_repeated(name)
        if len(values) > 1 and not is_repeated:
            raise refusal(name, f"Give {name} once.")
        # Bytes that are not UTF-8 arrive as the replacement character.
        if "\x00" in name or any("\x00" in each or "\ufffd" in each for each in values):
            raise refusal(
                name.replace("\x00", ""), "Remove the characters that are not valid UTF-8."
            )
        parameters[name] = values if is_repeated else values[0]
    try:
        return read(kind, parameters)
    except Invalid as error:
        raise Invalid(_of_parameter(each, kind) for each in error.problems) from None


def _of_parameter(problem: Problem, kind: type[Filter]) -> Problem:
    name = problem.path.partition("/")[0]
    names = {field.alias or each for each, field in kind.model_fields.items()}
    if name in names:
        return Problem(path=name, detail=problem.detail)
    known = ", ".join(sorted(names)) or "none"
    return Problem(path=name, detail=f"Unknown parameter. Known parameters: {known}.")


def reject_query_parameters(request: Request) -> None:
    """Raise `Invalid` if the request has query parameters."""
    read_filter(request, Filter)


def read_body(request: Request, kind: type[DraftT]) -> DraftT:
    """Return the validated body.

    Raises:
        Invalid: lists every problem with its path in the body.
    """
    fields = body_fields(request)
    if "reason" not in kind.model_fields:
        keep_reason(fields)
    return read(kind, fields)


def keep_reason(fields: dict[str, Any]) -> None:
    """Take the reason for a change out of a body, and store it with whatever the request changes.

    Raises:
        Invalid: it is not a text of 1 to 1000 characters (at `reason`).
    """
    if "reason" in fields:
        reason = read(ReasonDraft, {"reason": fields.pop("reason")}).reason
        pghistory.context(reason=reason)


def updated_draft(request: Request, kind: type[DraftT], stored: Row | None) -> DraftT:
    """Return the stored row as a draft, with the fields in the body replaced.

    Fields of the row that cannot be changed may be sent back as they are, so that a client can
    change one field of a response and send all of it.

    Raises:
        Invalid: lists every problem with its path in the body.
        NotFound: the row does not exist.
    """
    if stored is None:
        raise NotFound
    # A draft may have fields that are not stored, such as `confirm`.
    kept = {name: stored[name] for name in kind.model_fields if name in stored}
    body = body_fields(request)
    # They come with the response to a change, and are not a field of the row.
    body.pop("warnings", None)
    if "reason" not in kind.model_fields and "reason" not in stored:
        keep_reason(body)
    fixed = {name: stored[name] for name in body if name in stored and name not in kept}
    shown = parse_json(ORJSONRenderer().render(fixed))
    assert isinstance(shown, dict)
    problems = [
        Problem(path=name, detail="This field cannot be changed here: leave it out.")
        for name in fixed
        if body[name] != shown[name]
    ]
    if problems:
        raise Invalid(problems)
    return read(kind, kept | {name: body[name] for name in body if name not in fixed})


def body_fields(request: Request) -> dict[str, Any]:
    """Return the fields of the body, which are not validated yet.

    Raises:
        Invalid: the body is not an object, or the request has query parameters.
    """
    reject_query_parameters(request)
    return object_of(request)


def object_of(request: Request) -> dict[str, Any]:
    """Return the body of a request that may have query parameters.

    Raises:
        Invalid: the body is not an object.
    """
    if not isinstance(request.data, dict):
        raise refusal("", "Send a JSON object.")
    return request.data


def user_of(request: Request) -> User:
    """Return the authenticated user."""
    if not isinstance(request.user, User):
        raise TypeError(request.user)
    return request.user


def row_response(row: Row | None) -> Response:
    """Return a response with a row.

    Raises:
        NotFound: the row does not exist.
    """
    if row is None:
        raise NotFound("This does not exist.")
    return Response(row)


def created_response(request: Request, row: Row | None, key: str, **more: object) -> Response:
    """Return the response (201) for a new row, with its location and further fields."""
    response = row_response(None if row is None else {**row, **more})
    response.status_code = HTTPStatus.CREATED
    if row is not None:
        response["Location"] = request.build_absolute_uri(f"{row[key]}/")
    return response


def visible_or_404(reader: Reader, rows: QuerySet[ModelT], **wanted: object) -> ModelT:
    """Return the row with the wanted values, which may be locked, if it exists for the reader.

    Raises:
        Http404: there is none.
    """
    if reader.is_limited:
        # A subquery, because rows that are joined must not be locked.
        seen = visible_to(rows.model._base_manager.all(), reader)
        rows = rows.filter(pk__in=seen.values("pk"))
    return get_object_or_404(rows, **wanted)


def agreement_of(ref: str, *, reader: Reader) -> Agreement:
    """Return the agreement that a body refers to.

    Raises:
        Invalid: it does not exist for the reader (at `agreement`).
    """
    agreement = visible_to(Agreement.objects.filter(ref=ref), reader).first()
    if agreement is None:
        raise refusal("agreement", f"Agreement {ref} does not exist.")
    return agreement


def deadline_of(deadline_id: int, *, reader: Reader) -> Deadline:
    """Return the deadline that a body refers to.

    Raises:
        Invalid: it does not exist for the reader (at `deadline`).
    """
    deadline = visible_to(Deadline.objects.filter(pk=deadline_id), reader).first()
    if deadline is None:
        raise refusal("deadline", f"Deadline {deadline_id} does not exist.")
    return deadline
