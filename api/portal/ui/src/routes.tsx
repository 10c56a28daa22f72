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
    routeTree: root.addChildren([signIn, frame.addChildren([home, explore, entity, runs, run, keys, agents, agent, agentCall, providers, settings])]),
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
