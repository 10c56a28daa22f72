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

const whole = createRoute({ getParentRoute: () => frame, path: "/app/graph/$id", component: lazyRouteComponent(() => import("./pages/whole"), "Whole") });

// pageOf is the page of a list, from 1; the first needs no saying.
const pageOf = (s: Record<string, unknown>) => (typeof s.page === "number" && s.page > 1 ? Math.floor(s.page) : undefined);

export const tabs = ["overview", "history", "json", "permissions", "proof"] as const;
export type Tab = (typeof tabs)[number];

const entity = createRoute({
  getParentRoute: () => frame,
  path: "/app/e/$id",
  validateSearch: (s: Record<string, unknown>): { tab?: Tab; from?: number; to?: number; page?: number; of?: string } => ({
    ...(tabs.includes(s.tab as Tab) && s.tab !== "overview" ? { tab: s.tab as Tab } : {}),
    ...(typeof s.from === "number" ? { from: s.from } : {}),
    ...(typeof s.to === "number" ? { to: s.to } : {}),
    ...(pageOf(s) ? { page: pageOf(s) } : {}),
    ...(typeof s.of === "string" && s.of ? { of: s.of } : {}),
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

const make = createRoute({
  getParentRoute: () => frame,
  path: "/app/new/$kind",
  validateSearch: (s: Record<string, unknown>): { collection?: string } => (typeof s.collection === "string" ? { collection: s.collection } : {}),
  component: lazyRouteComponent(() => import("./pages/new"), "NewPage"),
});

const knowledge = createRoute({ getParentRoute: () => frame, path: "/app/knowledge", component: lazyRouteComponent(() => import("./pages/knowledge"), "KnowledgeBases") });

const newKnowledge = createRoute({ getParentRoute: () => frame, path: "/app/knowledge/new", component: lazyRouteComponent(() => import("./pages/knowledge"), "NewKnowledgeBase") });

export const baseTabs = ["files", "chunks", "try", "settings"] as const;
export type BaseTab = (typeof baseTabs)[number];

const base = createRoute({
  getParentRoute: () => frame,
  path: "/app/knowledge/$id",
  validateSearch: (s: Record<string, unknown>): { tab?: BaseTab; page?: number; file?: string; q?: string; k?: number; least?: number } => ({
    ...(baseTabs.includes(s.tab as BaseTab) && s.tab !== "files" ? { tab: s.tab as BaseTab } : {}),
    ...(pageOf(s) ? { page: pageOf(s) } : {}),
    ...(typeof s.file === "string" ? { file: s.file } : {}),
    ...(s.q !== undefined && s.q !== "" ? { q: String(s.q) } : {}),
    ...(typeof s.k === "number" ? { k: s.k } : {}),
    ...(typeof s.least === "number" ? { least: s.least } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/base"), "KnowledgeBase"),
});

const agents = createRoute({ getParentRoute: () => frame, path: "/app/agents", component: lazyRouteComponent(() => import("./pages/agents/list"), "Agents") });

export const agentTabs = ["settings", "chat", "resolved", "versions", "keys", "runs"] as const;
export type AgentTab = (typeof agentTabs)[number];

const agent = createRoute({
  getParentRoute: () => frame,
  path: "/app/agents/$id",
  validateSearch: (s: Record<string, unknown>): { tab?: AgentTab; c?: string; from?: number; to?: number } => ({
    ...(agentTabs.includes(s.tab as AgentTab) && s.tab !== "settings" ? { tab: s.tab as AgentTab } : {}),
    ...(typeof s.c === "string" && s.tab === "chat" ? { c: s.c } : {}),
    ...(typeof s.from === "number" ? { from: s.from } : {}),
    ...(typeof s.to === "number" ? { to: s.to } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/agents/agent"), "AgentPage"),
});

const agentCall = createRoute({ getParentRoute: () => frame, path: "/app/calls/$id", component: lazyRouteComponent(() => import("./pages/agents/call"), "CallPage") });

const providers = createRoute({ getParentRoute: () => frame, path: "/app/providers", component: lazyRouteComponent(() => import("./pages/team/providers"), "Providers") });

export const settingTabs = ["team", "limits", "recording"] as const;
export type SettingTab = (typeof settingTabs)[number];

const settings = createRoute({
  getParentRoute: () => frame,
  path: "/app/settings",
  validateSearch: (s: Record<string, unknown>): { tab?: SettingTab } => (settingTabs.includes(s.tab as SettingTab) && s.tab !== "team" ? { tab: s.tab as SettingTab } : {}),
  component: lazyRouteComponent(() => import("./pages/team/settings"), "TeamSettings"),
});

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([signIn, signUp, frame.addChildren([home, explore, whole, entity, runs, run, keys, agents, agent, agentCall, providers, settings, make, knowledge, newKnowledge, base, account, members, usage, audit, serverPages])]),
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
