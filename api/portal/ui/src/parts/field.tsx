import { useId, type ReactNode } from "react";

type FieldProps = { label: string; hint?: string } & React.ComponentProps<"input">;

// Field is an input with its label, and what is to be known about it.
export function Field({ label, hint, ...rest }: FieldProps) {
  const id = useId();
  return (
    <p className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={hint && `${id}-hint`} {...rest} />
      {hint && (
        <small id={`${id}-hint`} className="faint">
          {hint}
        </small>
      )}
    </p>
  );
}

// Choice is a choice of a few, by value and by what people read.
export function Choice({ label, hint, of, ...rest }: { label: string; hint?: string; of: [string, string][] } & React.ComponentProps<"select">) {
  const id = useId();
  return (
    <p className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} aria-describedby={hint && `${id}-hint`} {...rest}>
        {of.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {hint && (
        <small id={`${id}-hint`} className="faint">
          {hint}
        </small>
      )}
    </p>
  );
}

// Tick is a box that is ticked or not.
export function Tick({ children, ...rest }: { children: ReactNode } & React.ComponentProps<"input">) {
  return (
    <p className="field tick">
      <label>
        <input type="checkbox" {...rest} /> {children}
      </label>
    </p>
  );
}

// fieldsOf is what a form says, by the names of its fields.
export function fieldsOf(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, v]) => [name, String(v).trim()]));
}
