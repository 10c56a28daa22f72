// An entry of the audit in words.
import type { Schemas } from "../../lib/api";

export type Line = Schemas["AuditLine"];

// shows are what one may look at, and the actions that belong to it.
export const shows: Record<string, { name: string; actions: string }> = {
  refused: { name: "refusals", actions: "access.denied,auth.login_failed" },
  in: { name: "who came in", actions: "auth.login,auth.signup,auth.register,auth.refresh,auth.logout" },
  keys: { name: "keys made, used and revoked", actions: "key.created,key.used,key.revoked" },
  settings: { name: "changed settings", actions: "config.changed" },
  passwords: { name: "changed passwords", actions: "auth.password" },
};

// by says what somebody showed to prove who they are.
function by(credential: string | undefined): string {
  switch (credential) {
    case undefined:
    case "":
    case "token":
      return "";
    case "password":
      return "with a password";
    case "oidc":
      return "by the provider";
    case "shared":
      return "with a token of another server";
    case "key":
      return "with a key";
    case "refresh":
      return "";
    default:
      return `with the key ${credential}…`;
  }
}

// deed is the name of an operation as people read it: portalListMembers is list members.
function deed(op: string | undefined): string {
  if (!op) return "a request";
  return op
    .replace(/^(portal|admin)(?=[A-Z])/, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase();
}

// said is what stands between who did it and what it was done to.
export function said(l: Line): { did: string; onto: boolean } {
  const how = by(l.credential);
  switch (l.action) {
    case "auth.login":
      return { did: `signed in ${how}`, onto: false };
    case "auth.login_failed":
      return { did: l.reason === "limited" ? "tried to sign in too often" : `could not sign in ${how}`, onto: false };
    case "auth.logout":
      return { did: "signed out everywhere", onto: false };
    case "auth.refresh":
      return { did: "went on with a session", onto: false };
    case "auth.signup":
      return { did: "made an account", onto: false };
    case "auth.register":
      return { did: "came for the first time, with a token of another server", onto: false };
    case "auth.password":
      return { did: "changed the password", onto: false };
    case "key.created":
      return { did: `made the key ${l.credential ? `${l.credential}…` : ""} of`, onto: true };
    case "key.revoked":
      return { did: "revoked a key,", onto: true };
    case "key.used":
      return { did: `used the key ${l.credential ?? ""}…`, onto: false };
    case "access.denied":
      return { did: `was refused “${deed(l.op)}” ${how}`.trim() + (l.target ? " on" : ""), onto: true };
    case "config.changed":
      return { did: `did “${deed(l.op)}”${l.given ? ` (${l.given})` : ""}${l.target ? " on" : ""}`, onto: true };
    default:
      return { did: l.action, onto: true };
  }
}

// somebody is who did it where nobody is known.
export function somebody(l: Line): string {
  if (l.action === "access.denied" && l.reason === "unauthenticated") return "Somebody whose credential proves nothing";
  return "Somebody who did not say who they are";
}
