import { AlertDialog } from "radix-ui";
import type { ReactNode } from "react";

type Props = { open: boolean; title: string; act: string; busy?: boolean; onAct: () => void; onOpen: (open: boolean) => void; children: ReactNode };

// Confirm asks before something that cannot be taken back.
export function Confirm({ open, title, act, busy, onAct, onOpen, children }: Props) {
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpen}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="veil" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div>{children}</div>
          </AlertDialog.Description>
          <p className="acts">
            <AlertDialog.Cancel className="quiet">Leave it as it is</AlertDialog.Cancel>
            <button type="button" className="danger" disabled={busy} onClick={onAct}>
              {act}
            </button>
          </p>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
