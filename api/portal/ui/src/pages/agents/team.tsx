import { useMe } from "../../lib/portal";

// useOwner tells whether one may change what concerns the whole team.
export function useOwner(): boolean {
  return useMe().data?.user.role === "owner";
}

// OwnersOnly says why a form cannot be sent.
export function OwnersOnly() {
  return <p className="note">You can look at this. An owner of the team can change it.</p>;
}
