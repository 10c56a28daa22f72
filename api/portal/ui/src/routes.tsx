import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { session } from "./lib/session";
import { Failure, Missing } from "./parts/basics";
import { Frame } from "./parts/frame";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ notFoundComponent: Missing, errorComponent: Failure });

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/app/sign-in",
  // What is left out of the answer would stay as it is in the address. next is a path
  // of this server: browsers read a backslash as a slash, and pass over a tab.
  validateSearch: (s: Record<string, unknown>): { next?: string; invite?: string } => ({
    next: typeof s.next === "string" && /^\/(?![/\\])[^\\\u0000-\u001f]*$/.test(s.next) ? s.next : undefined,
    invite: text(s.invite),
  }),
  component: lazyRouteComponent(() => import("./pages/signin"), "SignIn"),
});

const frame = createRoute({
  getParentRoute: () => root,
  id: "frame",
  component: Frame,
  beforeLoad: ({ location }) => {
    if (!session()) throw redirect({ to: "/app/sign-in", search: { next: location.href } });
  },
});

const home = createRoute({ getParentRoute: () => frame, path: "/", component: lazyRouteComponent(() => import("./pages/home"), "Home") });

export type View = "list" | "table" | "graph";

const explore = createRoute({
  getParentRoute: () => frame,
  path: "/app/explore",
  validateSearch: (s: Record<string, unknown>): { q?: string; view?: View } => ({
    ...(typeof s.q === "string" && s.q ? { q: s.q } : {}),
    ...(s.view === "table" || s.view === "graph" ? { view: s.view } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/explore"), "Explore"),
});

export const tabs = ["overview", "history", "json", "permissions", "proof"] as const;
export type Tab = (typeof tabs)[number];

const entity = createRoute({
  getParentRoute: () => frame,
  path: "/app/e/$id",
  validateSearch: (s: Record<string, unknown>): { tab?: Tab; from?: number; to?: number } => ({
    ...(tabs.includes(s.tab as Tab) && s.tab !== "overview" ? { tab: s.tab as Tab } : {}),
    ...(typeof s.from === "number" ? { from: s.from } : {}),
    ...(typeof s.to === "number" ? { to: s.to } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/entity"), "EntityPage"),
});

export const runFilters = ["agent", "status", "model", "anomaly", "q"] as const;
export type RunFilters = Partial<Record<(typeof runFilters)[number], string>>;

const runs = createRoute({
  getParentRoute: () => frame,
  path: "/app/runs",
  validateSearch: (s: Record<string, unknown>): RunFilters => Object.fromEntries(runFilters.filter((f) => s[f] !== undefined && s[f] !== "").map((f) => [f, String(s[f])])),
  component: lazyRouteComponent(() => import("./pages/runs"), "Runs"),
});

const run = createRoute({ getParentRoute: () => frame, path: "/app/runs/$id", component: lazyRouteComponent(() => import("./pages/run"), "Run") });

const keys = createRoute({ getParentRoute: () => frame, path: "/app/keys", component: lazyRouteComponent(() => import("./pages/keys"), "Keys") });

const signUp = createRoute({
  getParentRoute: () => root,
  path: "/signup", // where invitations lead
  beforeLoad: ({ search }) => {
    const { invite } = search as { invite?: unknown };
    throw redirect({ to: "/app/sign-in", search: typeof invite === "string" ? { invite } : {}, replace: true });
  },
});

const account = createRoute({ getParentRoute: () => frame, path: "/app/account", component: lazyRouteComponent(() => import("./pages/account"), "AccountPage") });
const members = createRoute({ getParentRoute: () => frame, path: "/app/members", component: lazyRouteComponent(() => import("./pages/members"), "MembersPage") });

export const ranges = ["1", "7", "30", "90", "365"] as const; // days

const usage = createRoute({
  getParentRoute: () => frame,
  path: "/app/usage",
  validateSearch: (s: Record<string, unknown>): { days?: number; below?: boolean } => ({
    days: ranges.includes(String(s.days) as never) && Number(s.days) !== 7 ? Number(s.days) : undefined,
    below: s.below === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/usage"), "UsagePage"),
});

const audit = createRoute({
  getParentRoute: () => frame,
  path: "/app/audit",
  validateSearch: (s: Record<string, unknown>): { tenant?: string; show?: string; about?: string } => ({
    tenant: text(s.tenant),
    show: text(s.show),
    about: text(s.about),
  }),
  component: lazyRouteComponent(() => import("./pages/audit"), "AuditPage"),
});

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([signIn, signUp, frame.addChildren([home, explore, entity, runs, run, keys, account, members, usage, audit])]),
    context: { queries },
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
