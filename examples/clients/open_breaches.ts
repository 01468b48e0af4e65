// Prints the open breaches, oldest first, with the types that are generated from docs/openapi.yaml.
//
//   npm install openapi-typescript typescript @types/node
//   npx openapi-typescript docs/openapi.yaml -o examples/clients/pacta.ts
//   npx tsc --strict --target es2022 --module nodenext --types node examples/clients/open_breaches.ts
//   PACTA_URL=http://127.0.0.1:8000 PACTA_TOKEN=pacta_... node examples/clients/open_breaches.js

import type { operations, components } from "./pacta.js";

type Query = NonNullable<operations["breaches_list"]["parameters"]["query"]>;
type Page = operations["breaches_list"]["responses"][200]["content"]["application/json"];
type Breach = components["schemas"]["BreachRow"];
type Problem = components["schemas"]["Problem"];

const { PACTA_URL: url, PACTA_TOKEN: token } = process.env;
const query: Query = { is_open: true, ordering: "occurred_at" };
const parameters = new URLSearchParams(
  Object.entries(query).map(([name, value]) => [name, String(value)]),
);
let next: string | null = `${url}/api/v1/breaches/?${parameters}`;
while (next !== null) {
  const response: Response = await fetch(next, { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) {
    const problem = (await response.json()) as Problem;
    throw new Error(problem.detail);
  }
  const page = (await response.json()) as Page;
  for (const breach of page.results as Breach[]) {
    console.log(breach.agreement, breach.obligation_ref, breach.occurred_at.slice(0, 10));
  }
  next = page.next;
}

export {};
