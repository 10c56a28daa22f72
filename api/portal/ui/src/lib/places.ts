// Where one can go: the bar, the palette and the shortcuts are made of this table.
// keys are pressed after g. A place with needs is shown to whom it says.
export type Place = { to: string; name: string; keys?: string; needs?: "team" | "operator" };

export const main = [
  { to: "/", name: "Home", keys: "h" },
  { to: "/app/explore", name: "Explore", keys: "e" },
  { to: "/app/agents", name: "Agents", keys: "a" },
  { to: "/app/runs", name: "Runs", keys: "r" },
  { to: "/app/knowledge", name: "Knowledge", keys: "n" },
  { to: "/app/keys", name: "Keys", keys: "k" },
] as const satisfies readonly Place[];

// team is what concerns the tenant that one is signed in to.
export const team = [
  { to: "/app/members", name: "Members", keys: "m", needs: "team" },
  { to: "/app/usage", name: "Usage", keys: "u", needs: "team" },
  { to: "/app/audit", name: "Audit", keys: "l", needs: "team" },
  { to: "/app/providers", name: "Providers", keys: "p" },
  { to: "/app/settings", name: "Team settings", keys: "t" },
] as const satisfies readonly Place[];

// server is what an operator sees.
export const server = [
  { to: "/app/server", name: "Health", keys: "s", needs: "operator" },
  { to: "/app/server/tenants", name: "Tenants", needs: "operator" },
  { to: "/app/server/providers", name: "Model providers", needs: "operator" },
  { to: "/app/server/prices", name: "Prices", needs: "operator" },
  { to: "/app/server/usage", name: "Usage of all tenants", needs: "operator" },
  { to: "/app/server/traces", name: "Calls of all tenants", needs: "operator" },
  { to: "/app/server/settings", name: "Server settings", needs: "operator" },
] as const satisfies readonly Place[];

// acts are places where something is made; the palette alone has them.
export const acts = [
  { to: "/app/new/entity", name: "Make an entity" },
  { to: "/app/new/collection", name: "Make a collection" },
  { to: "/app/knowledge/new", name: "Make a knowledge base" },
] as const satisfies readonly Place[];

export const places: readonly Place[] = [...main, ...team, ...server, ...acts];
