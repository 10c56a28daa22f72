import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { enterTeam, useTeams } from "../lib/portal";
import { setSession, type Session } from "../lib/session";
import { setTheme, theme, type Theme } from "../lib/theme";

// Account is the menu of who is signed in: the teams, the colours, and the way out.
export function Account({ who, onHelp }: { who: Session | null; onHelp: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <DropdownMenu.Root open={open} onOpenChange={setOpen} modal={false}>
      <DropdownMenu.Trigger className="account">{who?.email ?? who?.tenant?.name ?? "Account"}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          <DropdownMenu.Item className="menu-item" asChild>
            <Link to="/app/account">Your account</Link>
          </DropdownMenu.Item>
          <Teams who={who} />
          <Colours />
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

// Teams are those that one is in; another is chosen to go on in it. A key has no
// team of its own to change.
function Teams({ who }: { who: Session | null }) {
  const navigate = useNavigate();
  const teams = useTeams();
  const enter = useMutation({ mutationFn: enterTeam, onSuccess: () => void navigate({ to: "/" }) });
  const all = who?.kind === "token" ? (teams.data ?? []) : [];
  if (all.length < 2 && !enter.error) return null;
  return (
    <>
      <DropdownMenu.Separator className="menu-line" />
      <DropdownMenu.Label className="menu-label">{enter.error ? enter.error.message : "Team"}</DropdownMenu.Label>
      <DropdownMenu.RadioGroup value={who?.tenant?.id ?? ""} onValueChange={(id) => id !== who?.tenant?.id && enter.mutate(id)}>
        {all.map((t) => (
          <DropdownMenu.RadioItem key={t.id} value={t.id} className="menu-item">
            <DropdownMenu.ItemIndicator className="menu-tick">✓</DropdownMenu.ItemIndicator>
            {t.name}
          </DropdownMenu.RadioItem>
        ))}
      </DropdownMenu.RadioGroup>
    </>
  );
}

function Colours() {
  const [now, setNow] = useState<Theme>(theme());
  return (
    <>
      <DropdownMenu.Separator className="menu-line" />
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
    </>
  );
}
