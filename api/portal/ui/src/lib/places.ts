// Where one can go: the bar, the palette and the shortcuts are made of this table.
// keys are pressed after g. A place with needs is shown to whom it says.
export type Place = { to: string; name: string; keys?: string; needs?: "team" | "operator" };

export const main = [
  { to: "/", name: "Home", keys: "h" },
  { to: "/app/explore", name: "Explore", keys: "e" },
  { to: "/app/runs", name: "Runs", keys: "r" },
  { to: "/app/keys", name: "Keys", keys: "k" },
] as const satisfies readonly Place[];

// team is what concerns the tenant that one is signed in to.
export const team = [] as const satisfies readonly Place[];

// server is what an operator sees.
export const server = [] as const satisfies readonly Place[];

export const places: readonly Place[] = [...main, ...team, ...server];
