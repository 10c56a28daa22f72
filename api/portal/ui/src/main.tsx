import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./lib/api";
import { applyTheme } from "./lib/theme";
import { nonce } from "./lib/nonce";
import { onSession, session } from "./lib/session";
import { makeRouter } from "./routes";
import "./style.css";

applyTheme();
setNonce(nonce);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => count < 2 && !(error instanceof Problem && error.status < 500),
    },
  },
});

// What was loaded for one person in one team is not shown to another.
let before = session();
onSession(() => {
  const now = session();
  if (now?.user !== before?.user || now?.kind !== before?.kind || now?.tenant?.id !== before?.tenant?.id) queries.clear();
  before = now;
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={makeRouter(queries)} />
    </QueryClientProvider>
  </StrictMode>,
);
