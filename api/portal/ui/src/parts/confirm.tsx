import { AlertDialog } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

type Props = {
  // what is pressed to begin; without it, open and onOpen say when it is asked, and
  // it stays open until it is done
  children?: ReactElement;
  open?: boolean;
  onOpen?: (open: boolean) => void;
  title: string;
  action: string; // what the button says that does it
  what: ReactNode; // what will be different afterwards
  busy?: boolean; // it is being done
  onConfirm: () => void;
};

// Confirm asks before something that cannot be taken back. Escape and Cancel do
// nothing, and the keyboard is back at what was pressed.
export function Confirm({ children, open, onOpen, title, action, what, busy, onConfirm }: Props) {
  const act = (
    <button type="button" className="grave" disabled={busy} onClick={onConfirm}>
      {action}
    </button>
  );
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpen}>
      {children && <AlertDialog.Trigger asChild>{children}</AlertDialog.Trigger>}
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="veil" />
        <AlertDialog.Content className="dialog confirm">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div>{what}</div>
          </AlertDialog.Description>
          <div className="confirm-acts">
            <AlertDialog.Cancel className="quiet">Cancel</AlertDialog.Cancel>
            {children ? <AlertDialog.Action asChild>{act}</AlertDialog.Action> : act}
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
