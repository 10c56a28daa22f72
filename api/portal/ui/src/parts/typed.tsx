import { Dialog } from "radix-ui";
import { useState, type FormEvent, type ReactNode } from "react";
import { Failure } from "./basics";
import { Field } from "./field";

type Props = { action: string; title: string; type: string; busy: boolean; error: Error | null; onConfirm: () => void; children: ReactNode };

// TypedConfirm is a button that does what cannot be undone once a name has been
// typed.
export function TypedConfirm({ action, title, type, busy, error, onConfirm, children }: Props) {
  const [typed, setTyped] = useState("");
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (typed === type) onConfirm();
  };
  return (
    <Dialog.Root onOpenChange={() => setTyped("")}>
      <Dialog.Trigger className="danger">{action}</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <Dialog.Title>{title}</Dialog.Title>
          {children}
          <form onSubmit={submit}>
            <Field label={`Type ${type} to go on`} value={typed} autoComplete="off" onChange={(e) => setTyped(e.target.value)} />
            {error && <Failure error={error} />}
            <button className="danger" disabled={typed !== type || busy}>
              {action}
            </button>{" "}
            <Dialog.Close className="plain">Keep it</Dialog.Close>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
