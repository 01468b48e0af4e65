"""Print the open breaches, oldest first, with the client that is generated from docs/openapi.yaml.

pip install openapi-python-client
openapi-python-client generate --path docs/openapi.yaml --meta none --output-path pacta_client
PACTA_URL=http://127.0.0.1:8000 PACTA_TOKEN=pacta_... python examples/clients/open_breaches.py
"""

import os

from pacta_client import AuthenticatedClient
from pacta_client.api.breaches import breaches_list
from pacta_client.models import BreachesListOrdering, BreachPage, BreachRow, Problem

client = AuthenticatedClient(base_url=os.environ["PACTA_URL"], token=os.environ["PACTA_TOKEN"])
cursor: str | None = None
while True:
    choice = {"cursor": cursor} if cursor else {}
    page = breaches_list.sync(
        client=client, is_open=True, ordering=BreachesListOrdering.OCCURRED_AT, **choice
    )
    if isinstance(page, Problem):
        raise SystemExit(page.detail)
    assert isinstance(page, BreachPage)
    for breach in page.results:
        assert isinstance(breach, BreachRow)
        print(breach.agreement, breach.obligation_ref, f"{breach.occurred_at:%Y-%m-%d}")
    if page.next_ is None:
        break
    cursor = page.next_.partition("cursor=")[2].partition("&")[0]
