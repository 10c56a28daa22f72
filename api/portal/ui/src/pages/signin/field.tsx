// Field is a labelled line of a form, with what helps to fill it in.
export function Field({ name, label, hint, required = true, ...rest }: { name: string; label: string; hint?: string } & React.ComponentProps<"input">) {
  return (
    <p className="field">
      <label htmlFor={name}>{label}</label>
      <input id={name} name={name} required={required} aria-describedby={hint && `${name}-hint`} {...rest} />
      {hint && (
        <small id={`${name}-hint`} className="faint">
          {hint}
        </small>
      )}
    </p>
  );
}
