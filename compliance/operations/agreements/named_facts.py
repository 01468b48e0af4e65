"""Find the facts that the facts of a document correct or retract, by their type and date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import date, datetime

from compliance.domain.agreements.document_drafts import NamedFact
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind
from compliance.models import Fact


class NamedFacts:
    """The effective facts about an agreement and its deadlines, by type and date."""

    def __init__(self, effective: Iterable[Fact]) -> None:
        self._by_name: dict[Hashable, list[Fact]] = defaultdict(list)
        for fact in effective:
            self._named(fact).append(fact)

    def add(self, fact: Fact) -> None:
        """Add a fact, in place of the one that it supersedes.

        What a retracted fact superseded counts again.
        """
        earlier = fact.supersedes
        if earlier is not None:
            self._named(earlier).remove(earlier)
        if fact.kind != FactKind.RETRACTION.value:
            self._named(fact).append(fact)
        elif earlier is not None and earlier.supersedes is not None:
            self._named(earlier.supersedes).append(earlier.supersedes)

    def superseded_by(self, fact: Fact, named: NamedFact) -> Fact:
        """Return the fact with this type and date that a fact about the same deadline supersedes.

        Raises:
            Invalid: there is none, there are several, or it became known later (at `supersedes`).
        """
        on = named.on or named.at
        found = self._by_name.get(_name(fact, named.type.value, on), [])
        subject = f"{named.type} of {on}"
        if not found:
            sentence = (
                f"There is no {subject} that counts: correct the type and the date, and name the "
                "latest fact if it has been superseded already."
            )
            raise refusal("supersedes", sentence)
        # Others of the same type and date may have become known only after this.
        known = [each for each in found if each.recorded_at <= fact.recorded_at]
        if len(known) > 1:
            sentence = f"There are {len(known)} facts: {subject}. Supersede one through facts/."
            raise refusal("supersedes", sentence)
        if not known:
            sentence = f"The {subject} became known later than this: correct recorded_at."
            raise refusal("supersedes", sentence)
        return known[0]

    def _named(self, fact: Fact) -> list[Fact]:
        return self._by_name[_name(fact, fact.kind, fact.effective_on or fact.effective_at)]


def _name(fact: Fact, kind: str, on: date | datetime | None) -> Hashable:
    return fact.deadline_id, kind, on
