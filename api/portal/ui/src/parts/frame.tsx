import { Link, Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { useEffect, useState, useSyncExternalStore } from "react";
import { main, places, server, team, type Place } from "../lib/places";
import { onSession, session, setSession } from "../lib/session";
import { setTheme, theme, type Theme } from "../lib/theme";
import { Palette } from "./palette";
import { Shortcuts } from "./shortcuts";

// Frame is what every page of a signed-in user has around it.
export function Frame() {
  const who = useSyncExternalStore(onSession, session);
  const router = useRouter();
  const navigate = useNavigate();
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
  }, [navigate]);

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
          <More name="Server" of={server} />
        </nav>
        <button type="button" className="find" onClick={() => setPalette(true)}>
          Find… <kbd>Ctrl K</kbd>
        </button>
        <Account onHelp={() => setHelp(true)} name={who?.email ?? who?.tenant?.name ?? "Account"} />
      </header>
      <main id="content" tabIndex={-1}>
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
    <DropdownMenu.Root>
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

function Account({ name, onHelp }: { name: string; onHelp: () => void }) {
  const [now, setNow] = useState<Theme>(theme());
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className="account">{name}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          <DropdownMenu.Label className="menu-label">Colours</DropdownMenu.Label>
          <DropdownMenu.RadioGroup
            value={now}
            onValueChange={(v) => {
              setTheme(v as Theme);
              setNow(v as Theme);
            }}
          >
            {(["system", "light", "dark"] as const).map((t) => (
              <DropdownMenu.RadioItem key={t} value={t} className="menu-item">
                <DropdownMenu.ItemIndicator className="menu-tick">✓</DropdownMenu.ItemIndicator>
                {{ system: "As the system", light: "Light", dark: "Dark" }[t]}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="menu-line" />
          <DropdownMenu.Item className="menu-item" onSelect={onHelp}>
            Keyboard shortcuts
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" asChild>
            <a href="/ops-reference">API reference</a>
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" onSelect={() => setSession(null)}>
            Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
