import { Link, Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useOperator, usePlaces } from "../lib/operator";
import { main, server, team, type Place } from "../lib/places";
import { onSession, session } from "../lib/session";
import { Account } from "./account";
import { Palette } from "./palette";
import { Shortcuts } from "./shortcuts";

// Frame is what every page of a signed-in user has around it.
export function Frame() {
  const who = useSyncExternalStore(onSession, session);
  const router = useRouter();
  const navigate = useNavigate();
  const operator = useOperator();
  const places = usePlaces();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);

  useEffect(() => {
    if (!who) void navigate({ to: "/app/sign-in", search: { next: router.state.location.href } });
  }, [who, navigate, router]);

  useEffect(() => {
    let first = "";
    const press = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
        e.preventDefault();
        setPalette((open) => !open);
        return;
      }
      const at = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
      const keys = first + e.key;
      first = "";
      switch (keys) {
        case "?":
          return setHelp(true);
        case "/":
          e.preventDefault();
          return setPalette(true);
        case "g":
          first = "g";
          return;
      }
      const place = places.find((p) => p.keys && keys === `g${p.keys}`);
      if (place) void navigate({ to: place.to });
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [navigate, places]);

  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          Stemma
        </Link>
        <nav aria-label="Main">
          {main.map((p) => (
            <Link key={p.to} to={p.to} activeOptions={{ exact: p.to === "/" }}>
              {p.name}
            </Link>
          ))}
          <More name="Team" of={team} />
          <More name="Server" of={operator ? server : []} />
        </nav>
        <button type="button" className="find" onClick={() => setPalette(true)}>
          Find… <kbd>Ctrl K</kbd>
        </button>
        <Account who={who} onHelp={() => setHelp(true)} />
      </header>
      <main id="content" tabIndex={-1} key={`${who?.user} ${who?.tenant?.id}`}>
        <Outlet />
      </main>
      <Palette open={palette} onOpen={setPalette} />
      <Shortcuts open={help} onOpen={setHelp} />
    </>
  );
}

// More is a menu of places beside those of the bar.
function More({ name, of }: { name: string; of: readonly Place[] }) {
  if (of.length === 0) return null;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="more">{name}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="start">
          {of.map((p) => (
            <DropdownMenu.Item key={p.to} className="menu-item" asChild>
              <Link to={p.to}>{p.name}</Link>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
