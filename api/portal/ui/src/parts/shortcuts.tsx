import { Dialog } from "radix-ui";
import { usePlaces } from "../lib/operator";

const before: [string[], string][] = [
  [["Ctrl", "K"], "Find anything, go anywhere"],
  [["/"], "The same"],
];
const after: [string[], string][] = [
  [["Ctrl", "Enter"], "Run the query; save the edit"],
  [["?"], "This list"],
];

export function Shortcuts({ open, onOpen }: { open: boolean; onOpen: (open: boolean) => void }) {
  const table = [...before, ...usePlaces().flatMap(({ keys, name }): [string[], string][] => (keys ? [[["g", keys], name]] : [])), ...after];
  return (
    <Dialog.Root open={open} onOpenChange={onOpen}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <Dialog.Title>Keyboard shortcuts</Dialog.Title>
          <table className="keys">
            <tbody>
              {table.map(([keys, what]) => (
                <tr key={keys.join()}>
                  <th scope="row">
                    {keys.map((k) => (
                      <kbd key={k}>{k}</kbd>
                    ))}
                  </th>
                  <td>{what}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <Dialog.Close className="plain">Close</Dialog.Close>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
