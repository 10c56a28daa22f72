import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { session } from "./lib/session";
import { Failure, Missing } from "./parts/basics";
import { Frame } from "./parts/frame";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({ notFoundComponent: Missing, errorComponent: Failure });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/app/sign-in",
  validateSearch: (s: Record<string, unknown>): { next?: string; invite?: string } => ({
    ...(typeof s.next === "string" && s.next.startsWith("/") && !s.next.startsWith("//") ? { next: s.next } : {}),
    ...(typeof s.invite === "string" ? { invite: s.invite } : {}),
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

const whole = createRoute({ getParentRoute: () => frame, path: "/app/graph/$id", component: lazyRouteComponent(() => import("./pages/whole"), "Whole") });

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

const server = createRoute({ getParentRoute: () => frame, path: "/app/server", component: lazyRouteComponent(() => import("./pages/server"), "Server") });
const serverHealth = createRoute({ getParentRoute: () => server, path: "/", component: lazyRouteComponent(() => import("./pages/server/health"), "ServerHealth") });
const serverTenants = createRoute({
  getParentRoute: () => server,
  path: "/tenants",
  validateSearch: (s: Record<string, unknown>): { status?: "active" | "inactive"; page?: number; deleted?: string } => ({
    ...(typeof s.deleted === "string" ? { deleted: s.deleted } : {}),
    ...(s.status === "active" || s.status === "inactive" ? { status: s.status } : {}),
    ...(Number.isInteger(s.page) && (s.page as number) > 1 ? { page: s.page as number } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/server/tenants"), "ServerTenants"),
});
const serverTenant = createRoute({ getParentRoute: () => server, path: "/tenants/$id", component: lazyRouteComponent(() => import("./pages/server/tenant"), "ServerTenant") });
const serverProviders = createRoute({ getParentRoute: () => server, path: "/providers", component: lazyRouteComponent(() => import("./pages/server/providers"), "ServerProviders") });
const serverProvider = createRoute({ getParentRoute: () => server, path: "/providers/$id", component: lazyRouteComponent(() => import("./pages/server/provider"), "ServerProvider") });
const serverPrices = createRoute({ getParentRoute: () => server, path: "/prices", component: lazyRouteComponent(() => import("./pages/server/prices"), "ServerPrices") });

export type UsageSearch = { window?: number; tenant?: string };
const usageSearch = (s: Record<string, unknown>): UsageSearch => ({
  ...([168, 720, 8760].includes(s.window as number) ? { window: s.window as number } : {}),
  ...(typeof s.tenant === "string" && s.tenant ? { tenant: s.tenant } : {}),
});
const serverUsage = createRoute({ getParentRoute: () => server, path: "/usage", validateSearch: usageSearch, component: lazyRouteComponent(() => import("./pages/server/usage"), "ServerUsage") });
const serverTraces = createRoute({
  getParentRoute: () => server,
  path: "/traces",
  validateSearch: (s: Record<string, unknown>): { tenant?: string } => (typeof s.tenant === "string" && s.tenant ? { tenant: s.tenant } : {}),
  component: lazyRouteComponent(() => import("./pages/server/traces"), "ServerTraces"),
});
const serverTrace = createRoute({ getParentRoute: () => server, path: "/traces/$id", component: lazyRouteComponent(() => import("./pages/server/trace"), "ServerTrace") });
const serverSettings = createRoute({ getParentRoute: () => server, path: "/settings", component: lazyRouteComponent(() => import("./pages/server/settings"), "ServerSettings") });
const serverPages = server.addChildren([serverHealth, serverTenants, serverTenant, serverProviders, serverProvider, serverPrices, serverUsage, serverTraces, serverTrace, serverSettings]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([signIn, frame.addChildren([home, explore, whole, entity, runs, run, keys, serverPages])]),
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
