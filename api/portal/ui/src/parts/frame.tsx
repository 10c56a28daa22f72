import { Link, Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
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
  useAlong();
  const [help, setHelp] = useState(false);
  useReturn(palette || help);

  useEffect(() => {
    if (!who) void navigate({ to: "/app/sign-in", search: { next: router.state.location.href } });
  }, [who, navigate, router]);

  const first = useRef(""); // the key that others go with
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
        e.preventDefault();
        setPalette((open) => !open);
        return;
      }
      const at = e.target as HTMLElement;
      if (e.ctrlKey || e.metaKey || e.altKey || at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
      const keys = first.current + e.key;
      first.current = "";
      switch (keys) {
        case "?":
          return setHelp(true);
        case "/":
          e.preventDefault();
          return setPalette(true);
        case "g":
          first.current = "g";
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

// useReturn gives the focus back to what had it before something was opened.
function useReturn(open: boolean) {
  const before = useRef<Element | null>(null);
  if (open && !before.current) before.current = document.activeElement;
  useEffect(() => {
    const at = before.current;
    if (open || !at) return;
    before.current = null;
    setTimeout(() => {
      if (document.activeElement === document.body && at instanceof HTMLElement && at.isConnected) at.focus();
    });
  }, [open]);
}

// useAlong takes the focus along to another page: to its heading, which who does not
// see it is told by that, or to its content while it has none yet. A page that has
// taken it to an input of its own keeps it.
function useAlong() {
  const router = useRouter();
  useEffect(() => {
    const later = new MutationObserver(() => toHeading());
    const toHeading = () => {
      const main = document.getElementById("content");
      const heading = main?.querySelector("h1");
      if (!main || document.activeElement !== main || heading) later.disconnect();
      if (!heading || document.activeElement !== main) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    };
    const stop = router.subscribe("onRendered", ({ pathChanged, fromLocation }) => {
      if (!pathChanged || !fromLocation) return;
      setTimeout(() => {
        // A menu or dialog that led here has given its focus back by now.
        const main = document.getElementById("content");
        const at = document.activeElement as HTMLElement | null;
        if (!main || (at && main.contains(at) && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)))) return;
        main.focus({ preventScroll: true });
        later.observe(main, { childList: true, subtree: true });
        toHeading();
      });
    });
    return () => {
      stop();
      later.disconnect();
    };
  }, [router]);
}

// More is a menu of places beside those of the bar.
function More({ name, of }: { name: string; of: readonly Place[] }) {
  const went = useRef(false); // the focus goes along, and not back to the menu
  if (of.length === 0) return null;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="more">{name}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu"
          align="start"
          onCloseAutoFocus={(e) => {
            if (went.current) e.preventDefault();
            went.current = false;
          }}
        >
          {of.map((p) => (
            <DropdownMenu.Item key={p.to} className="menu-item" asChild onSelect={() => (went.current = true)}>
              <Link to={p.to}>{p.name}</Link>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
