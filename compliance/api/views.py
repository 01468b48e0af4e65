"""What the views of all rooms do alike: read what is asked and sent, answer with rows."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from compliance.api.parsers import accept_pieces
from compliance.domain.drafts import Draft, read
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Agreement, Deadline, User
from compliance.queries.filters import Filter
from compliance.queries.pages import Page
from compliance.queries.rows import Row

FilterT = TypeVar("FilterT", bound=Filter)
DraftT = TypeVar("DraftT", bound=Draft)


class Views(ViewSet):
    """The views of one room."""

    rights: ClassVar[tuple[type[Model], ...]]
    """The models on which a user needs rights to come in. Without a default: none is forgotten."""

    stores_nothing: ClassVar[bool] = False
    """Whether what is sent is only looked at, so that the rights of a reader suffice."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may come in, then open the body."""
        super().initial(request, *args, **kwargs)
        accept_pieces(request._request)


def question(request: Request, kind: type[FilterT]) -> FilterT:
    """What the query parameters ask.

    Raises:
        Invalid: with the name of each parameter that is unknown, repeated or cannot be read.
    """
    asked: dict[str, str] = {}
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise refusal(name, f"Give {name} once.")
        # What was not UTF-8 comes as the replacement character.
        if "\x00" in values[0] or "\ufffd" in values[0] or "\x00" in name:
            raise refusal(name.replace("\x00", ""), "Remove the unreadable characters.")
        asked[name] = values[0]
    try:
        return read(kind, asked)
    except Invalid as error:
        raise Invalid(_of_parameter(each, kind) for each in error.problems) from None


def _of_parameter(problem: Problem, kind: type[Filter]) -> Problem:
    name = problem.path.partition("/")[0]
    if name in kind.model_fields:
        return Problem(path=name, detail=problem.detail)
    known = ", ".join(sorted(kind.model_fields)) or "none"
    return Problem(path=name, detail=f"There is no such parameter. There are: {known}.")


def nothing_asked(request: Request) -> None:
    """Refuse any query parameter."""
    question(request, Filter)


def body(request: Request, kind: type[DraftT]) -> DraftT:
    """What was sent, checked.

    Raises:
        Invalid: with every problem and its path in the body.
    """
    return read(kind, sent(request))


def corrected(request: Request, kind: type[DraftT], stored: Row | None) -> DraftT:
    """What is stored, as a draft, with what was sent laid over it.

    Raises:
        Invalid: with every problem and its path in the body.
        NotFound: nothing is stored.
    """
    if stored is None:
        raise NotFound
    kept = {name: stored[name] for name in kind.model_fields}
    return read(kind, kept | sent(request))


def sent(request: Request) -> dict[str, Any]:
    """The fields that were sent, not checked yet.

    Raises:
        Invalid: what was sent is no object, or the address asks something.
    """
    nothing_asked(request)
    if not isinstance(request.data, dict):
        raise refusal("", "Send one object: fields and their values.")
    return request.data


def user_of(request: Request) -> User:
    """Who is asking, once they have been let in."""
    if not isinstance(request.user, User):
        raise TypeError(request.user)
    return request.user


def found(row: Row | None) -> Response:
    """A row, or 404.

    Raises:
        NotFound: there is none.
    """
    if row is None:
        raise NotFound("There is nothing here under this name.")
    return Response(row)


def created(request: Request, row: Row | None, key: str) -> Response:
    """A row that was just stored, and where it is to be found."""
    response = found(row)
    response.status_code = HTTPStatus.CREATED
    if row is not None:
        response["Location"] = request.build_absolute_uri(f"{row[key]}/")
    return response


def page_response(request: Request, page: Page, **pinned: datetime | None) -> Response:
    """A page, with the whole address of the one after it, in which `pinned` parameters stand."""
    if page.next is None:
        return Response({"next": None, "results": page.rows})
    parameters = request.query_params.copy()
    parameters["cursor"] = page.next
    for name, instant in pinned.items():
        if instant is not None:
            parameters[name] = instant.isoformat().replace("+00:00", "Z")
    address = request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
    return Response({"next": address, "results": page.rows})


def agreement_of(ref: str) -> Agreement:
    """The agreement that a body names.

    Raises:
        Invalid: there is none (at `agreement`).
    """
    agreement = Agreement.objects.filter(ref=ref).first()
    if agreement is None:
        raise refusal("agreement", f"There is no agreement {ref}.")
    return agreement


def deadline_of(deadline_id: int) -> Deadline:
    """The deadline that a body names.

    Raises:
        Invalid: there is none (at `deadline`).
    """
    deadline = Deadline.objects.filter(pk=deadline_id).first()
    if deadline is None:
        raise refusal("deadline", f"There is no deadline {deadline_id}.")
    return deadline
