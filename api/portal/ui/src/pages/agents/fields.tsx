import { useId, type ReactNode } from "react";

type Common = { label: string; hint?: ReactNode; disabled?: boolean };
type Text = Common & { value: string; onChange: (value: string) => void };

function Row({ id, label, hint, children }: { id: string; label: string; hint?: ReactNode; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint && (
        <small id={`${id}-hint`} className="faint">
          {hint}
        </small>
      )}
    </div>
  );
}

const described = (id: string, hint: ReactNode) => (hint ? `${id}-hint` : undefined);

export function Field({ label, hint, value, onChange, ...rest }: Text & Omit<React.ComponentProps<"input">, "value" | "onChange">) {
  const id = useId();
  return (
    <Row id={id} label={label} hint={hint}>
      <input id={id} value={value} aria-describedby={described(id, hint)} autoComplete="off" onChange={(e) => onChange(e.target.value)} {...rest} />
    </Row>
  );
}

export function Area({ label, hint, value, onChange, ...rest }: Text & Omit<React.ComponentProps<"textarea">, "value" | "onChange">) {
  const id = useId();
  return (
    <Row id={id} label={label} hint={hint}>
      <textarea id={id} value={value} aria-describedby={described(id, hint)} onChange={(e) => onChange(e.target.value)} {...rest} />
    </Row>
  );
}

export function Choice({ label, hint, value, onChange, options, disabled }: Text & { options: readonly (readonly [value: string, text: string])[] }) {
  const id = useId();
  return (
    <Row id={id} label={label} hint={hint}>
      <select id={id} value={value} disabled={disabled} aria-describedby={described(id, hint)} onChange={(e) => onChange(e.target.value)}>
        {options.map(([v, text]) => (
          <option key={v} value={v}>
            {text}
          </option>
        ))}
      </select>
    </Row>
  );
}

export function Check({ label, hint, value, onChange, disabled }: Common & { value: boolean; onChange: (value: boolean) => void }) {
  const id = useId();
  return (
    <div className="field check">
      <input id={id} type="checkbox" checked={value} disabled={disabled} aria-describedby={described(id, hint)} onChange={(e) => onChange(e.target.checked)} />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <small id={`${id}-hint`} className="faint">
          {hint}
        </small>
      )}
    </div>
  );
}

// Section is a part of a form, with what it is for.
export function Section({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="form-section" aria-labelledby={id}>
      <div>
        <h2 id={id}>{title}</h2>
        {note && <p className="faint">{note}</p>}
      </div>
      <div>{children}</div>
    </section>
  );
}
