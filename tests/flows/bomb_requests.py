"""Hostile and merely very large requests, which `tests.flows.bombs` sends to a running service."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

API = "/api/v1"
IMPORT = f"{API}/agreements/import/"
JSON, YAML, FORM = "application/json", "application/yaml", "application/x-www-form-urlencoded"
_LINE = "--line"
_MEASURES = "count,statuses,median_days_late,p90_days_late,median_days_to_cure,oldest_open_days"
MULTIPART = "multipart/form-data; boundary=line"


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The ids of what `world_documents` have stored, and the address of a calendar feed."""

    agreement: int
    obligation: int
    deadline: int
    evidence: int
    feed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bomb:
    """A request. A body is made only when it is sent, because some are large.

    `in_browser`: it is sent with the session of a person, and with the CSRF token of its forms.
    """

    name: str
    path: str
    method: str = "GET"
    body: Callable[[], bytes] | None = None
    content_type: str = JSON
    in_browser: bool = False


def document(ref: str, **more: Any) -> dict[str, Any]:
    """Return the document of an agreement without obligations."""
    return {
        "format": "pacta.agreement/v1",
        "ref": ref,
        "title": f"Agreement {ref}",
        "kind": "contract",
        "signed_on": "2020-01-01",
        "parties": [party("CHN"), party("USA")],
        **more,
    }


def party(code: str, **more: Any) -> dict[str, Any]:
    """Return a party in UTC."""
    return {"code": code, "name": f"Party {code}", "kind": "state", "timezone": "UTC", **more}


def obligation(ref: str, **more: Any) -> dict[str, Any]:
    """Return an obligation of China to the United States."""
    return {
        "ref": ref,
        "title": f"Deliver {ref}",
        "obligors": ["CHN"],
        "obligees": ["USA"],
        "due": {"type": "date", "on": "2030-01-31"},
        **more,
    }


def world_documents() -> Iterator[dict[str, Any]]:
    """Yield the documents with which the service is filled before the requests are sent."""
    many = [obligation(f"W-{n}", tags=[f"t{n % 40}"]) for n in range(2_000)]
    facts = [
        {"type": "performance", "on": "2025-01-01", "quantity": 1, "note": f"{n}"}
        for n in range(290)
    ]
    rich = obligation("RICH", target_quantity=1_000, unit="t", facts=facts)
    yield document("world", obligations=[*many, rich])
    daily = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": "2024-01-01"}
    yield document("daily", obligations=[obligation("D-1", due=daily)])
    obligors, obligees = ([f"{side}{n}" for n in range(100)] for side in ("DEBTOR", "CREDITOR"))
    often = {"type": "recurrence", "rrule": "FREQ=DAILY;COUNT=300", "start": "2024-01-01"}
    crowd = obligation(
        "CROWD", obligors=obligors, obligees=obligees, tags=[f"t{n}" for n in range(50)], due=often
    )
    parties = [party(each) for each in obligors + obligees]
    yield document("crowd", parties=parties, obligations=[crowd])


def bombs(world: World) -> Iterator[Bomb]:
    """Yield all requests."""
    yield from _lists(world)
    yield from _forms(world)
    yield from _bodies(world)
    yield from _texts(world)
    yield from _documents()
    yield from _rules(world)  # last: these move the time zone of a party


def _post(name: str, path: str, value: Callable[[], object]) -> Bomb:
    return Bomb(name=name, path=path, method="POST", body=lambda: json.dumps(value()).encode())


def _import(name: str, value: Callable[[], object], query: str = "") -> Bomb:
    return _post(f"import: {name}", IMPORT + query, value)


def _text(name: str, text: Callable[[], bytes], content_type: str = JSON) -> Bomb:
    return Bomb(name=name, path=IMPORT, method="POST", body=text, content_type=content_type)


# --- Texts that are expensive to read --------------------------------------------------------


def _texts(_: World) -> Iterator[Bomb]:
    size = 8 * 2**20 - 100
    yield _text("JSON: 4 million nested lists", lambda: b"[" * (size // 2) + b"]" * (size // 2))
    yield _text("JSON: 4 million open lists", lambda: b"[" * (size // 2))
    yield _text("JSON: 1.2 million empty parties", lambda: _parties(b"{}, ", 1_200_000))
    yield _text("JSON: 700,000 empty parties", lambda: _parties(b"{}, ", 700_000))
    yield _text("JSON: 40,000 distinct fields", lambda: _fields(40_000))
    yield _text("JSON: 700,000 fields in objects of 200", lambda: _many_objects(3_500, 200))
    yield _text("JSON: the number 1e60000000", lambda: b'{"a": 1e60000000}')
    yield _text("JSON: a number of 8 MB", lambda: b'{"a": ' + b"9" * size + b"}")
    yield _text("JSON: a text of 8 MB", lambda: b'{"title": "' + b"x" * size + b'"}')
    yield _text(
        "JSON: 1.3 million escapes", lambda: b'{"title": "' + rb"\u00e4" * 1_390_000 + b'"}'
    )
    yield _text("JSON: a text of quotes", lambda: b'"\\"' * (size // 3))
    yield _text("JSON: one field 100,000 times", lambda: b"{" + b'"a":1,' * 100_000 + b'"a":1}')
    yield _text("JSON: not UTF-8", lambda: b'"' + b"\xff" * size + b'"')
    yield _text("JSON: 9 MB", lambda: b"[" + b"1," * 4_700_000 + b"1]")
    yield _text("YAML: anchors that multiply", _laughs, YAML)
    yield _text("YAML: merge keys", lambda: b"a: &a {b: 1}\n" + b"c: {<<: *a}\n" * 300_000, YAML)
    yield _text("YAML: 4 million nested lists", lambda: b"[" * (size // 2), YAML)
    yield _text(
        "YAML: 2 million keys", lambda: b"".join(b"%x:\n" % n for n in range(1_000_000)), YAML
    )
    yield _text("YAML: 1.2 million empty parties", lambda: _parties(b"{}, ", 1_200_000), YAML)
    yield _text("YAML: 700,000 numbers", lambda: b"[" + b"1," * 700_000 + b"1]", YAML)
    yield _text("YAML: 700,000 list lines", lambda: b"- 1\n" * 700_000, YAML)
    yield _text("YAML: dashes", lambda: b"- " * (size // 2), YAML)
    yield _text("YAML: question marks", lambda: b"? " * (size // 2), YAML)
    yield _text("YAML: colons", lambda: b"a: " * (size // 3), YAML)
    yield _text("YAML: a text of 8 MB", lambda: b"a: |\n" + b"  x\n" * (size // 4), YAML)
    yield _text("YAML: a comment of 8 MB", lambda: b"#" * size, YAML)
    yield _text("YAML: blank lines", lambda: b"\n" * size, YAML)
    yield _text(
        "YAML: a quoted text over many lines", lambda: b'a: "' + b"x\n" * (size // 3) + b'"', YAML
    )
    yield _text(
        "YAML: directives", lambda: b"".join(b"%%TAG !%d! x\n" % n for n in range(400_000)), YAML
    )
    yield _text("YAML: documents", lambda: b"---\n" * (size // 4), YAML)
    yield _text("YAML: tags", lambda: b"- !!python/object:os.system x\n" * 250_000, YAML)
    yield _text("YAML: a sexagesimal number", lambda: b"a: " + b"1:" * (size // 2) + b"1", YAML)
    yield _text("YAML: the number 1e60000000", lambda: b"a: 1e60000000", YAML)
    yield _text("YAML: escapes", lambda: b'a: "' + rb"\x41" * (size // 4) + b'"', YAML)


def _parties(item: bytes, count: int) -> bytes:
    return b'{"parties": [' + item * count + b"{}]}"


def _fields(count: int) -> bytes:
    return json.dumps({f"field-{n}": n for n in range(count)}).encode()


def _many_objects(count: int, fields: int) -> bytes:
    return json.dumps([{f"f{n}": 1 for n in range(fields)}] * count).encode()


def _laughs() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 30)]
    return "\n".join(lines).encode()


# --- Documents that are expensive to store ---------------------------------------------------


def _documents() -> Iterator[Bomb]:
    everyone = [f"P{n}" for n in range(100)]
    yield _import(
        "1,500 obligations of 100 obligors",
        lambda: document(
            "obligors",
            parties=[
                *(party(code, timezone=_zone(n)) for n, code in enumerate(everyone)),
                party("USA"),
            ],
            obligations=[
                obligation(
                    f"O-{n}",
                    obligors=everyone,
                    due={
                        "type": "recurrence",
                        "rrule": "FREQ=DAILY",
                        "start": "2020-01-01",
                        "is_two_sided": True,
                    },
                )
                for n in range(1_500)
            ],
        ),
    )
    yield _import("1,500 obligations of 100 obligors with dates of their own", lambda: document(
        "party-dates",
        parties=[*map(party, everyone), party("USA")],
        milestones=[{"ref": "ratified", "title": "Ratified", "dates": [
            {"party": code, "on": "2026-01-01"} for code in everyone]}],
        obligations=[
            obligation(f"O-{n}", obligors=everyone, due={
                "type": "offset", "from": {"milestone": "ratified"}, "count": 30, "unit": "days"})
            for n in range(1_500)],
    ))  # fmt: skip
    business = {
        "start": "2025-01-01", "roll": "following", "calendars": ["US", "DE", "FR", "GB"],
        "then": {"type": "offset", "count": 60, "unit": "business_days"},
    }  # fmt: skip
    recurrences: list[tuple[str, int, dict[str, Any]]] = [
        ("300 daily recurrences since 1900", 300, {"start": "1900-01-01"}),
        ("20,000 daily recurrences since 1900", 20_000, {"start": "1900-01-01"}),
        ("a daily recurrence until 9999", 1, {"start": "0001-01-01", "until": "9999-12-31"}),
        ("9,000 deadlines in business days", 13, business),
        ("1,500 short recurrences", 1_500, {"start": "2026-01-01", "until": "2026-01-04"}),
        ("recurrences with 20 times", 300, {"start": "2026-06-01", "times": 20}),
    ]
    for number, (name, count, rule) in enumerate(recurrences):
        yield _import(name, partial(_recurring, f"recurring-{number}", count, rule))
    yield _import(
        "a recurrence without a match",
        partial(
            _recurring,
            "matchless",
            5_000,
            {"start": "1900-01-01", "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
        ),
    )
    yield _import(
        "an RRULE with 9-digit COUNT",
        partial(
            _recurring, "count", 50, {"start": "1900-01-01", "rrule": "FREQ=DAILY;COUNT=999999999"}
        ),
    )
    for count in (5_550, 9_900, 20_000):
        ref = f"plain-{count}"
        yield _import(f"{count:,} obligations", partial(_plain, ref, count, "O"))
        yield _import(f"{count:,} obligations again", partial(_plain, ref, count, "O"))
        dry_run = partial(_plain, ref, count, "X")
        yield _import(f"{count:,} obligations as a dry run", dry_run, "?dry_run=true")
    yield _import(
        "20,000 invalid obligations",
        lambda: document("invalid", obligations=[{"ref": "?"}] * 20_000),
    )
    yield _import(
        "5,000 obligations in 100,000 business days",
        lambda: document(
            "business",
            obligations=[
                obligation(
                    f"O-{n}",
                    due={
                        "type": "offset",
                        "from": {"date": "2000-01-01"},
                        "count": 100_000 - n,
                        "unit": "business_days",
                        "calendars": ["US", "DE", "FR"],
                    },
                )
                for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "a chain of 5,000 components",
        lambda: document(
            "components",
            obligations=[
                obligation(f"O-{n}", **({"parent": f"O-{n - 1}"} if n else {}))
                for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "5,000 components of one obligation",
        lambda: document(
            "wide",
            obligations=[
                obligation(f"O-{n}", **({"parent": "O-0"} if n else {})) for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "a chain of 5,000 dependent obligations",
        lambda: document(
            "chain",
            obligations=[
                obligation(f"O-{n}", **({"due": _after({"deadline": f"O-{n - 1}"})} if n else {}))
                for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "5,000 obligations that depend on one",
        lambda: document(
            "fan",
            obligations=[
                obligation(f"O-{n}", **({"due": _after({"deadline": "O-0"})} if n else {}))
                for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "a cycle of 5,000 obligations",
        lambda: document(
            "cycle",
            obligations=[
                obligation(f"O-{n}", due=_after({"deadline": f"O-{(n + 1) % 5_000}"}))
                for n in range(5_000)
            ],
        ),
    )
    yield _import(
        "a cycle of 500 milestones",
        lambda: document(
            "milestones",
            milestones=[
                {"ref": f"m-{n}", "title": "M", "due": _after({"milestone": f"m-{(n + 1) % 500}"})}
                for n in range(500)
            ],
        ),
    )
    yield _import(
        "a chain of 500 milestones",
        lambda: document(
            "moving",
            milestones=[
                {"ref": "m-0", "title": "M", "on": "2026-01-01"},
                *(
                    {"ref": f"m-{n}", "title": "M", "due": _after({"milestone": f"m-{n - 1}"})}
                    for n in range(1, 500)
                ),
            ],
        ),
    )
    for count, facts in ((1, 300), (1, 301), (5, 300), (100, 300), (200, 290)):
        name = f"{count} obligations with {facts} facts that were recorded one by one"
        yield _import(name, partial(_replayed, count, facts))
    yield _import("10,000 outcomes of 10,000 obligations", partial(_replayed, 9_900, 1))
    yield _import(
        "300 extensions of each deadline",
        lambda: document(
            "extensions",
            recorded_at="2020-01-01T00:00:00Z",
            obligations=[obligation(f"O-{n}", facts=_extensions(300)) for n in range(20)],
        ),
    )
    yield _import(
        "300 suspensions of an agreement with 2,000 obligations",
        lambda: document(
            "suspensions",
            recorded_at="2020-01-01T00:00:00Z",
            facts=_suspensions(300),
            obligations=[obligation(f"O-{n}") for n in range(2_000)],
        ),
    )
    yield _import(
        "20,000 pieces of evidence for 1,000 obligations each",
        lambda: document(
            "evidence",
            obligations=[obligation(f"O-{n}") for n in range(1_000)],
            evidence=[
                {
                    "ref": f"E-{n}",
                    "title": "E",
                    "kind": "document",
                    "obligations": [f"O-{m}" for m in range(1_000)],
                }
                for n in range(600)
            ],
        ),
    )
    yield _import(
        "50,000 positions",
        lambda: document(
            "positions",
            obligations=[
                obligation(
                    "O-1",
                    positions=[{"party": "CHN", "verdict": "met", "on": "2026-01-01"}] * 50_000,
                )
            ],
        ),
    )
    yield _import(
        "500 parties in 500 zones",
        lambda: document("zones", parties=[party(f"P{n}", timezone=_zone(n)) for n in range(500)]),
    )


def _recurring(ref: str, count: int, rule: dict[str, Any]) -> dict[str, Any]:
    due = {"type": "recurrence", "rrule": "FREQ=DAILY", **rule}
    return document(ref, obligations=[obligation(f"O-{n}", due=due) for n in range(count)])


def _plain(ref: str, count: int, prefix: str) -> dict[str, Any]:
    return document(ref, obligations=[obligation(f"{prefix}-{n}") for n in range(count)])


def _replayed(count: int, facts: int) -> dict[str, Any]:
    found = {"target_quantity": 1_000, "unit": "t", "facts": _history(facts)}
    return document(
        f"replay-{count}-{facts}",
        recorded_at="2020-01-01T00:00:00Z",
        obligations=[obligation(f"O-{n}", **found) for n in range(count)],
    )


def _zone(number: int) -> str:
    zones = ("Asia/Tokyo", "Europe/Paris", "America/Lima", "Africa/Cairo", "Asia/Kolkata")
    return zones[number % len(zones)]


def _after(anchor: dict[str, str]) -> dict[str, Any]:
    return {"type": "offset", "from": anchor, "count": 1, "unit": "days"}


def _day(number: int) -> str:
    year, rest = divmod(number, 336)
    return f"{2021 + year}-{rest // 28 + 1:02}-{rest % 28 + 1:02}"


def _history(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "performance", "on": _day(n), "quantity": 1, "recorded_at": f"{_day(n)}T12:00:00Z"}
        for n in range(count)
    ]


def _extensions(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "extension", "on": _day(n), "due": {"type": "date", "on": _day(n + 20)},
         "recorded_at": f"{_day(n)}T12:00:00Z"}
        for n in range(count)
    ]  # fmt: skip


def _suspensions(count: int) -> list[dict[str, Any]]:
    return [
        {"type": "suspension", "on": _day(3 * n), "until": _day(3 * n + 1), "is_tolling": True,
         "recorded_at": f"{_day(3 * n)}T12:00:00Z"}
        for n in range(count)
    ]  # fmt: skip


# --- Rules -----------------------------------------------------------------------------------


def _rules(world: World) -> Iterator[Bomb]:
    preview = f"{API}/due-rules/preview/"
    recurrence = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": "1900-01-01"}
    rules: list[tuple[str, dict[str, Any]]] = [
        ("a daily recurrence from year 1 to 9999",
         {**recurrence, "start": "0001-01-01", "until": "9999-12-31"}),
        ("20 times a day since 1900", {**recurrence, "times": 20}),
        ("100,000 business days in ten calendars",
         {"type": "offset", "from": {"date": "2000-01-01"}, "count": 100_000,
          "unit": "business_days",
          "calendars": ["US", "DE", "FR", "GB", "JP", "CN", "IN", "BR", "ZA", "AU"]}),
        ("100,000 business days after each day",
         {**recurrence, "then": {"type": "offset", "count": 100_000, "unit": "business_days"}}),
        ("every second that BYDAY can name",
         {**recurrence, "rrule": "FREQ=YEARLY;BYMONTH=" + ",".join(map(str, range(1, 13))) +
          ";BYMONTHDAY=" + ",".join(map(str, range(-31, 0)))}),
        ("a 9-digit INTERVAL", {**recurrence, "rrule": "FREQ=YEARLY;INTERVAL=999999999"}),
        ("a leap day on a Monday",
         {**recurrence, "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"}),
        ("an RRULE of 900 kB", {**recurrence, "rrule": "FREQ=DAILY;BYDAY=" + "MO," * 300_000}),
    ]  # fmt: skip
    for name, rule in rules:
        yield _post(f"preview: {name}", preview, partial(dict, rule=rule, timezone="UTC"))
    created = {"agreement": "world", **obligation("NEW")}
    yield _post(
        "a new obligation with 20,000 deadlines",
        f"{API}/obligations/",
        lambda: {**created, "due": {**recurrence, "start": "1975-01-01"}, "binds_on": "1970-01-01"},
    )
    yield _post(
        "a new obligation with 3,000 deadlines",
        f"{API}/obligations/",
        lambda: {**created, "ref": "NEW-2", "due": {**recurrence, "start": "2020-01-01"}},
    )
    yield Bomb(
        name="PATCH: a rule with 20,000 deadlines",
        method="PATCH",
        path=f"{API}/obligations/{world.obligation}/",
        body=lambda: json.dumps(
            {"due": {**recurrence, "start": "1975-01-01"}, "binds_on": "1970-01-01"}
        ).encode(),
    )
    yield Bomb(
        name="PATCH: the zone of a party with 3,000 deadlines",
        method="PATCH",
        path=f"{API}/parties/CHN/",
        body=lambda: b'{"timezone": "Asia/Shanghai"}',
    )
    yield Bomb(
        name="PATCH: the zone of an agreement with 2,000 deadlines",
        method="PATCH",
        path=f"{API}/agreements/world/",
        body=lambda: b'{"timezone": "Asia/Tokyo"}',
    )
    yield _post(
        "a suspension of an agreement with 2,000 deadlines",
        f"{API}/facts/",
        lambda: {
            "agreement": "world",
            "type": "suspension",
            "on": "2026-01-01",
            "until": "2026-02-01",
        },
    )
    yield _post(
        "a suspension of 900 days",
        f"{API}/facts/",
        lambda: {
            "agreement": "daily",
            "type": "suspension",
            "on": "2025-01-01",
            "is_tolling": True,
            "until": "2025-02-01",
        },
    )
    yield _post(
        "what-if with 10 facts beside 290",
        f"{API}/deadlines/{world.deadline}/what-if/",
        lambda: {"facts": _what_if(10)},
    )
    yield _post(
        "what-if with 300 facts",
        f"{API}/deadlines/{world.deadline}/what-if/",
        lambda: {"facts": _what_if(300)},
    )


def _what_if(count: int) -> list[dict[str, Any]]:
    return [{"type": "performance", "on": _day(n), "quantity": 1} for n in range(count)]


# --- Lists and other reads -------------------------------------------------------------------


def _lists(world: World) -> Iterator[Bomb]:
    deadlines = f"{API}/deadlines/"
    yield Bomb(name="every deadline on a page", path=f"{deadlines}?page_size=1000")
    yield Bomb(
        name="deadlines as of then", path=f"{deadlines}?page_size=1000&as_of=2026-01-01T00:00:00Z"
    )
    yield Bomb(
        name="deadlines as known then",
        path=f"{deadlines}?page_size=1000&known_at=2026-01-01T00:00:00Z&ordering=-status_since",
    )
    yield Bomb(
        name="breaches as known then",
        path=f"{API}/breaches/?page_size=1000&known_at=2026-01-01T00:00:00Z",
    )
    yield Bomb(name="a search for wildcards", path=f"{deadlines}?q={quote('%_' * 100)}")
    yield Bomb(
        name="a search like a regular expression", path=f"{deadlines}?q={quote('(a+)+$' * 40)}"
    )
    yield Bomb(name="a search of 7 kB", path=f"{deadlines}?q={'x' * 7_000}")
    yield Bomb(
        name="a search for combining marks", path=f"{deadlines}?q={quote('e' + chr(0x301) * 300)}"
    )
    yield Bomb(name="a filter 10,000 times", path=f"{deadlines}?{'tag=a&' * 10_000}")
    yield Bomb(name="a filter 1,000 times", path=f"{deadlines}?{'tag=a&' * 1_000}")
    yield Bomb(name="10,000 values in a filter", path=f"{deadlines}?status={'met,' * 10_000}met")
    yield Bomb(
        name="2,000 unknown filters",
        path=f"{deadlines}?" + urlencode({f"a{n}": n for n in range(2_000)}),
    )
    yield Bomb(name="a cursor of 7 kB", path=f"{deadlines}?cursor={'A' * 7_000}")
    yield Bomb(
        name="a cursor that is nested deep", path=f"{deadlines}?cursor={quote('W1tb' * 240)}"
    )
    yield Bomb(name="a page of a billion rows", path=f"{deadlines}?page_size=1000000000")
    yield Bomb(name="a huge page size", path=f"{deadlines}?page_size={'9' * 5_000}")
    yield Bomb(
        name="10,000 instants in known_at",
        path=f"{deadlines}?known_at={'2026-01-01T00:00:00Z,' * 350}",
    )
    for group in ("status", "agreement", "obligor", "tag", "month"):
        yield Bomb(
            name=f"summary by {group} as known then",
            path=f"{API}/summary/?group_by={group}&known_at=2026-01-01T00:00:00Z",
        )
    for groups in ("obligor,obligee", "obligor,tag", "obligor,month"):
        # Of 100 days, two groupings make as many rows as they may.
        for only in ("", "&as_of=2026-01-01T00:00:00Z", "&agreement=crowd&due_before=2024-04-10"):
            yield Bomb(
                name=f"summary of a crowd by {groups}{only}",
                path=f"{API}/summary/?group_by={groups}&measures={_MEASURES}{only}",
            )
    yield Bomb(
        name="a trend of every day",
        path=f"{API}/trend/?from=2024-01-01&to=2026-09-26&interval=day",
    )
    yield Bomb(
        name="changes between two instants",
        path=f"{API}/changes/between/?since=1900-01-01&until=2026-01-01&page_size=1000",
    )
    yield Bomb(name="changes", path=f"{API}/changes/?page_size=1000")
    yield Bomb(name="the audit log as CSV", path=f"{API}/audit/?format=csv&page_size=1000")
    yield Bomb(name="the audit log as NDJSON", path=f"{API}/audit/?format=ndjson&page_size=1000")
    for what in ("timeline", "history", "why"):
        yield Bomb(
            name=f"{what} of a deadline with 290 facts", path=f"{deadlines}{world.deadline}/{what}/"
        )
    yield Bomb(name="consequences", path=f"{API}/obligations/{world.obligation}/consequences/")
    yield Bomb(name="facts", path=f"{API}/facts/?deadline={world.deadline}&page_size=1000")
    yield Bomb(name="a calendar feed of everything", path=world.feed)
    yield Bomb(name="the OpenAPI description", path=f"{API}/schema/")
    yield Bomb(name="the schema of documents", path=f"{API}/document-schema/")
    yield Bomb(name="a path of 7 kB", path=f"/{'a/' * 3_500}")
    yield Bomb(name="an id of 5,000 digits", path=f"{deadlines}{'9' * 5_000}/")


# --- Other bodies ----------------------------------------------------------------------------


def _bodies(world: World) -> Iterator[Bomb]:
    files = f"{API}/evidence/{world.evidence}/files/"
    size = 24 * 2**20

    def upload(name: str, form: Callable[[], bytes]) -> Bomb:
        return Bomb(
            name=f"upload: {name}", path=files, method="POST", body=form, content_type=MULTIPART
        )

    yield upload("24 MB of text", lambda: _file("a.txt", b"x" * size))
    yield upload("24 MB of CSV", lambda: _file("a.csv", b"1,2\n" * (size // 4)))
    yield upload("a gzip bomb as PDF", lambda: _file("a.pdf", gzip.compress(b"\0" * 10**9, 9)))
    yield upload("a gzip bomb as text", lambda: _file("a.txt", gzip.compress(b"\0" * 10**9, 9)))
    yield upload("a PNG of 2 billion pixels", lambda: _file("a.png", _huge_png()))
    yield upload("10,000 parts", lambda: _fields_form(10_000))
    yield upload(
        "500,000 headers",
        lambda: b"--line\r\n" + b"X-A: b\r\n" * 500_000 + b"\r\n\r\n--line--\r\n",
    )
    yield upload(
        "5,000 files",
        lambda: (
            b"".join(_file("a.txt", b"x", is_last=False) for _ in range(5_000))
            + f"{_LINE}--\r\n".encode()
        ),
    )
    yield upload("a line that never ends", lambda: b"-" * size)
    yield upload("30 MB", lambda: _file("a.txt", b"x" * 30 * 2**20))
    yield Bomb(
        name="a form of 1 MB to the API",
        path=f"{API}/facts/",
        method="POST",
        body=lambda: b"a=1&" * 250_000,
        content_type=FORM,
    )
    yield _post(
        "evidence of 1,000 deadlines",
        f"{API}/evidence/",
        lambda: {
            "agreement": "world",
            "ref": "E-9",
            "title": "E",
            "kind": "document",
            "stance": "context",
            "obligations": [f"W-{n}" for n in range(1_000)],
        },
    )
    yield _post(
        "a calendar with 5,001 days",
        f"{API}/agreements/",
        lambda: {
            "ref": "days",
            "title": "D",
            "kind": "contract",
            "parties": [{"code": "CHN"}] * 5_001,
        },
    )
    yield _post(
        "an agreement with 500 milestones in a chain",
        f"{API}/agreements/",
        lambda: {
            "ref": "links",
            "title": "D",
            "kind": "contract",
            "parties": [{"code": "CHN"}],
            "milestones": [
                {"ref": "m-0", "title": "M", "on": "2026-01-01"},
                *(
                    {"ref": f"m-{n}", "title": "M", "due": _after({"milestone": f"m-{n - 1}"})}
                    for n in range(1, 500)
                ),
            ],
        },
    )
    yield _post(
        "a policy of 10,000 steps",
        f"{API}/agreements/",
        lambda: {
            "ref": "steps",
            "title": "D",
            "kind": "contract",
            "parties": [{"code": "CHN"}],
            "notification_policy": {
                "before": [{"count": n, "unit": "days"} for n in range(10_000)]
            },
        },
    )
    yield _post(
        "a token for 10,000 networks",
        f"{API}/tokens/",
        lambda: {"name": "n", "networks": [f"10.{n // 256}.{n % 256}.0/24" for n in range(10_000)]},
    )
    yield _post(
        "a note of 1 MB",
        f"{API}/facts/",
        lambda: {
            "deadline": world.deadline,
            "type": "performance",
            "on": "2026-01-01",
            "note": "x" * 2**20,
        },
    )
    yield _post(
        "a quantity of 90 digits",
        f"{API}/facts/",
        lambda: {
            "deadline": world.deadline,
            "type": "performance",
            "on": "2026-01-01",
            "quantity": int("9" * 90),
        },
    )
    yield _post(
        "a title of zero-width joiners",
        f"{API}/agreements/",
        lambda: {
            "ref": "joiners",
            "title": "a\u200d" * 200_000,
            "kind": "c",
            "parties": [{"code": "CHN"}],
        },
    )


def _file(name: str, content: bytes, *, is_last: bool = True) -> bytes:
    head = (
        f'{_LINE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return head + content + b"\r\n" + (f"{_LINE}--\r\n".encode() if is_last else b"")


def _fields_form(count: int) -> bytes:
    parts = (
        f'{_LINE}\r\nContent-Disposition: form-data; name="a{n}"\r\n\r\n1\r\n' for n in range(count)
    )
    return ("".join(parts) + f"{_LINE}--\r\n").encode()


def _huge_png() -> bytes:
    size = (45_000).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + size + b"\x08\x02\0\0\0" + b"\0" * 100


# --- The admin -------------------------------------------------------------------------------


def _forms(world: World) -> Iterator[Bomb]:
    admin = "/admin/compliance"

    def page(name: str, path: str) -> Bomb:
        return Bomb(name=f"admin: {name}", path=path, in_browser=True)

    def form(name: str, path: str, fields: Callable[[], list[tuple[str, str]]]) -> Bomb:
        return Bomb(
            name=f"admin: {name}", path=path, method="POST", content_type=FORM, in_browser=True,
            body=lambda: urlencode(fields()).encode(),
        )  # fmt: skip

    agreement = f"{admin}/agreement/{world.agreement}/change/"
    evidence = f"{admin}/evidence/add/"
    yield page("the agreement with 2,001 obligations", agreement)
    yield page("an agreement of 900 deadlines a year", f"{admin}/deadline/?q=D-1")
    yield page("a page far behind", f"{admin}/deadline/?p=1000000")
    yield page("all deadlines", f"{admin}/deadline/?all=")
    yield page("a search of 5 kB", f"{admin}/deadline/?q={'x+' * 2_500}")
    yield page("a filter for 10,000 values", f"{admin}/deadline/?status__in={'met,' * 3_000}met")
    yield page("an ordering by 1,000 columns", f"{admin}/deadline/?o={'1.' * 1_000}1")
    yield page("a filter across relations", f"{admin}/deadline/?{'agreement__' * 300}ref=a")
    yield page("the deadline with 290 facts", f"{admin}/deadline/{world.deadline}/change/")
    yield page("adding evidence", evidence)
    yield page("the overview", "/admin/")
    yield form(
        "evidence of 19,000 deadlines",
        evidence,
        lambda: [("title", "E"), *(("deadlines", str(n)) for n in range(19_000))],
    )
    yield form("30,000 fields", evidence, lambda: [(f"a{n}", "1") for n in range(30_000)])
    yield form("a text of 2.5 MB", evidence, lambda: [("title", "x" * 2_500_000)])
    yield form("a text of 1.9 MB", evidence, lambda: [("title", "x" * 1_900_000)])
    yield form(
        "a formset of 1,000 rows",
        agreement,
        lambda: [
            ("ref", "world"),
            ("title", "W"),
            ("kind", "c"),
            *(
                (f"{prefix}-{field}", value)
                for prefix in ("milestones", "memberships", "obligations")
                for field, value in (("TOTAL_FORMS", "1000"), ("INITIAL_FORMS", "0"))
            ),
        ],
    )
    yield form(
        "a formset that claims a billion rows",
        agreement,
        lambda: [
            ("ref", "world"),
            ("title", "W"),
            ("milestones-TOTAL_FORMS", "1000000000"),
            ("milestones-INITIAL_FORMS", "1000000000"),
        ],
    )
    yield form(
        "an action for 10,000 rows",
        f"{admin}/deadline/",
        lambda: [
            ("action", "x"),
            ("select_across", "1"),
            *(("_selected_action", str(n)) for n in range(10_000)),
        ],
    )
    yield form(
        "a custom calendar with 6,000 days",
        f"{admin}/customcalendar/add/",
        lambda: [
            ("code", "bomb"),
            ("title", "B"),
            ("closing_days-TOTAL_FORMS", "6000"),
            ("closing_days-INITIAL_FORMS", "0"),
            *(
                (f"closing_days-{n}-{field}", value)
                for n in range(6_000)
                for field, value in (("on", f"{1000 + n}-01-01"), ("reason", "r"))
            ),
        ],
    )
    rule = json.dumps(
        {"type": "recurrence", "rrule": "FREQ=DAILY", "start": "0001-01-01", "until": "9999-12-31"}
    )
    yield form(
        "the preview of a rule",
        f"{admin}/obligation/preview-due-rule/",
        lambda: [("due", rule), ("rule", rule), ("agreement", str(world.agreement))],
    )
    yield Bomb(
        name="signing in with a password of 1 MB",
        path="/account/login/",
        method="POST",
        content_type=FORM,
        in_browser=True,
        body=lambda: urlencode({"login": "a@example.org", "password": "x" * 10**6}).encode(),
    )
