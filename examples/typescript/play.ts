// A whole game over HTTP, with types generated from the schema:
//
//     npm install && npm run build
//     npm run play -- http://127.0.0.1:8000 SERVICE_TOKEN USER_TOKEN

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./api.js";

type Celebration = components["schemas"]["GamificationCelebration"];

const API = "/api/gamification/v1";

function connect(baseUrl: string, token: string): Client<paths> {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Token ${token}` } });
}

function unwrap<T>(result: { data?: T; error?: { code: string; detail: string } }): T {
  if (result.error) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.data as T;
}

async function celebrate(screen: Client<paths>): Promise<Celebration[]> {
  const shown: Celebration[] = [];
  const { results } = unwrap(await screen.GET(`${API}/me/celebrations/`));
  for (const { id } of results) {
    const params = { path: { id: String(id) } };
    const claim = await screen.POST(`${API}/me/celebrations/{id}/claim/`, { params });
    if (claim.response.status === 409) continue; // Another screen shows it.
    shown.push(unwrap(claim));
    await screen.POST(`${API}/me/celebrations/{id}/acknowledge/`, { params });
  }
  return shown;
}

async function play(baseUrl: string, serviceToken: string, userToken: string) {
  const service = connect(baseUrl, serviceToken);
  const screen = connect(baseUrl, userToken);
  const before = unwrap(await screen.GET(`${API}/me/`));
  const body = { user: before.user, activity: "kpi_completed", key: crypto.randomUUID() };
  const outcome = unwrap(await service.POST(`${API}/records/`, { body }));
  if ("results" in outcome) throw new Error("One record has one outcome.");
  console.log(`${body.activity}: ${outcome.credited} XP`);
  for (const { title, text } of await celebrate(screen)) console.log(`${title}: ${text}`);
  const after = unwrap(await screen.GET(`${API}/me/`));
  console.log(`${after.user} has ${after.total_xp} XP, level ${after.level}.`);
}

const [baseUrl, serviceToken, userToken] = process.argv.slice(2);
if (!baseUrl || !serviceToken || !userToken) {
  throw new Error("Pass the address of the site, a service token and a user token.");
}
await play(baseUrl, serviceToken, userToken);
