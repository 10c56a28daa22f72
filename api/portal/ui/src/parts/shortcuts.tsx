import { Dialog } from "radix-ui";
import { places } from "../lib/places";

const table: [string[], string][] = [
  [["Ctrl", "K"], "Find anything, go anywhere"],
  [["/"], "The same"],
  ...places.flatMap(({ keys, name }): [string[], string][] => (keys ? [[["g", keys], name]] : [])),
  [["Ctrl", "Enter"], "Run the query; save the edit"],
  [["?"], "This list"],
];

export function Shortcuts({ open, onOpen }: { open: boolean; onOpen: (open: boolean) => void }) {
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
