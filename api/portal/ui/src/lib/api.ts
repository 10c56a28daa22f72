import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { operatorToken, setOperatorToken } from "./operatortoken";
import { authorization, session, setSession } from "./session";

export type Schemas = components["schemas"];
export type Entity = Schemas["EntityResponse"];

// Problem is an error of the server, in the words that it has for people.
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string,
    readonly details: Record<string, unknown>,
    readonly requestId?: string,
  ) {
    super(message);
  }
}

type ErrorBody = { error?: string | { message?: string; code?: string; details?: Record<string, unknown> }; code?: string; details?: Record<string, unknown>; message?: string; request_id?: string };

// problemOf reads both forms of error bodies.
export function problemOf(status: number, body: unknown): Problem {
  const b = (typeof body === "object" && body ? body : {}) as ErrorBody;
  const inner = typeof b.error === "object" ? b.error : undefined;
  const message = inner?.message ?? (typeof b.error === "string" ? b.error : b.message) ?? `The server answered with status ${status}`;
  return new Problem(status, message, inner?.code ?? b.code ?? "", inner?.details ?? b.details ?? {}, b.request_id);
}

export const client = createClient<paths>({ baseUrl: "" });

client.use({
  onRequest({ request }) {
    const token = new URL(request.url).pathname.startsWith("/v1/admin/") ? operatorToken() : null;
    const value = token ? `Bearer ${token}` : authorization(session());
    if (value && !request.headers.has("Authorization")) request.headers.set("Authorization", value);
    return request;
  },
  async onResponse({ response, request }) {
    if (response.ok || response.status === 304) return response;
    const body: unknown = await response.json().catch(() => null);
    const { pathname } = new URL(request.url); // a password that is wrong ends no session
    if (response.status === 401 && !/^(\/v1\/(portal|admin)\/auth\/|\/auth\/password$)/.test(pathname)) {
      if (pathname.startsWith("/v1/admin/") && operatorToken()) setOperatorToken(null);
      else if (session()) setSession(null);
    }
    throw problemOf(response.status, body);
  },
});

// data is what a call answered with; an error was thrown before.
export async function data<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  return data as T;
}
