import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useDeferredValue, useEffect, useState } from "react";
import { client, data } from "../lib/api";
import { places } from "../lib/places";

const idForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;

// Palette finds pages and entities by the keyboard alone.
export function Palette({ open, onOpen }: { open: boolean; onOpen: (open: boolean) => void }) {
  const [typed, setTyped] = useState("");
  const asked = useDeferredValue(typed.trim());
  const navigate = useNavigate();
  const found = useQuery({
    queryKey: ["find", asked],
    enabled: open && asked.length > 1,
    queryFn: ({ signal }) => data(client.POST("/search/discover", { body: { query: asked, limit: 12 }, signal })),
    placeholderData: keepPreviousData,
  });
  // The first result is chosen when results come: what was chosen before may be gone.
  const [chosen, setChosen] = useState("");
  const first = idForm.test(asked) ? "id" : (found.data?.results[0]?.id ?? (asked.length > 1 ? "query" : "/"));
  useEffect(() => setChosen(first), [first, found.data, open]);
  const go = (act: () => void) => {
    onOpen(false);
    setTyped("");
    act();
  };
  return (
    <Command.Dialog value={chosen} onValueChange={setChosen} open={open} onOpenChange={onOpen} label="Find" shouldFilter={false} className="palette" overlayClassName="veil">
      <Command.Input value={typed} onValueChange={setTyped} placeholder="Find entities by what they say, or paste an identifier" />
      <Command.List>
        {idForm.test(asked) && (
          <Command.Item value="id" onSelect={() => go(() => void navigate({ to: "/app/e/$id", params: { id: asked } }))}>
            Open {asked}
          </Command.Item>
        )}
        {found.data?.results.map((r) => (
          <Command.Item key={r.id} value={r.id} onSelect={() => go(() => void navigate({ to: "/app/e/$id", params: { id: r.id } }))}>
            <span className="type">{r.type}</span> {r.label || r.id}
          </Command.Item>
        ))}
        {asked.length > 1 && (
          <Command.Item value="query" onSelect={() => go(() => void navigate({ to: "/app/explore", search: { q: asked } }))}>
            Ask as a query: <code>{asked}</code>
          </Command.Item>
        )}
        <Command.Group heading="Go to">
          {places.map(({ to, name }) => (
            <Command.Item key={to} value={to} onSelect={() => go(() => void navigate({ to }))}>
              {name}
            </Command.Item>
          ))}
        </Command.Group>
      </Command.List>
    </Command.Dialog>
  );
}
